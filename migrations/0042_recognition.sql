-- Knowing people by voice and by face, as far as they allow it (DESIGN 13). A print is made by a grant, and names it. A match is
-- only a hypothesis until somebody says that it is right; then the person is present, until they are not seen any more. All of it
-- hangs on grants, and goes with them: so nothing of it stands in the log, whose envelopes stay, but ids of these rows.
set local role hub_owner;
set local search_path = hub;

-- The extension's type and operators are named with the schema that it has; see 0012.
do $$
declare
  vectors constant text := (select extnamespace::regnamespace::text from pg_extension where extname = 'vector');
begin
  execute format('
    create table voiceprints (
      agent_id uuid not null references agents,
      id uuid not null,
      person_id uuid not null,
      model text not null check (length(model) between 1 and 200), -- what made it: only its own can be compared
      embedding %1$s.vector(256) not null, -- of length 1
      embedding_salt bytea not null check (length(embedding_salt) = 32), -- of its commitment in the audit log
      consent_id uuid not null, -- by which grant it was made
      made_by uuid not null references users,
      created_at timestamptz not null,
      primary key (agent_id, id),
      foreign key (agent_id, person_id) references people,
      foreign key (agent_id, consent_id) references consents
    )', vectors);
  execute format('
    create table faceprints (
      agent_id uuid not null references agents,
      id uuid not null,
      person_id uuid not null,
      model text not null check (length(model) between 1 and 200), -- what made it: only its own can be compared
      embedding %1$s.vector(512) not null, -- of length 1
      embedding_salt bytea not null check (length(embedding_salt) = 32), -- of its commitment in the audit log
      consent_id uuid not null, -- by which grant it was made
      made_by uuid not null references users,
      created_at timestamptz not null,
      primary key (agent_id, id),
      foreign key (agent_id, person_id) references people,
      foreign key (agent_id, consent_id) references consents
    )', vectors);

  -- How near each print of some people is. Every print of the agent is read: a household has few, that is exact, and an index would
  -- first find those of other agents. It runs as who asks, so row-level security holds. A print whose grant has ended is not used,
  -- though nothing has removed it yet.
  execute format($make$
    create function hub.match_prints(of_modality text, seen real[], of_model text, of_people uuid[], at_time timestamptz)
    returns table (print_id uuid, person_id uuid, cosine real)
    language plpgsql stable
    set search_path = hub, pg_temp
    as $body$
    begin
      if of_modality = 'voice' then
        return query select p.id, p.person_id, (1 - (p.embedding operator(%1$s.<=>) seen::%1$s.vector(256)))::real
          from voiceprints p join consents c on c.agent_id = p.agent_id and c.id = p.consent_id
          where p.agent_id = hub.agent() and p.model = of_model and p.person_id = any (of_people)
            and (c.expires_at is null or c.expires_at > at_time);
      elsif of_modality = 'face' then
        return query select p.id, p.person_id, (1 - (p.embedding operator(%1$s.<=>) seen::%1$s.vector(512)))::real
          from faceprints p join consents c on c.agent_id = p.agent_id and c.id = p.consent_id
          where p.agent_id = hub.agent() and p.model = of_model and p.person_id = any (of_people)
            and (c.expires_at is null or c.expires_at > at_time);
      else
        raise exception 'nobody is known by %%', of_modality using errcode = '22023';
      end if;
    end
    $body$
  $make$, vectors);
end
$$;
revoke execute on function hub.match_prints from public;
grant execute on function hub.match_prints to hub_app, hub_system;

create index voiceprints_person on voiceprints (agent_id, person_id);
create index faceprints_person on faceprints (agent_id, person_id);
call hub.protect('voiceprints');
call hub.protect('faceprints');
grant select, insert, delete on voiceprints, faceprints to hub_app, hub_system;
-- No samples of them in the planner's statistics; see 0029.
alter table voiceprints alter column embedding set statistics 0, alter column embedding_salt set statistics 0;
alter table faceprints alter column embedding set statistics 0, alter column embedding_salt set statistics 0;

-- Somebody may be somebody. What was seen or heard is not kept, only that it was near one of their prints.
create table identity_hypotheses (
  agent_id uuid not null references agents,
  id uuid not null,
  person_id uuid not null,
  modality text not null check (modality in ('voice', 'face')),
  voiceprint_id uuid, -- the nearest print
  faceprint_id uuid,
  space_id uuid not null,
  device_id uuid, -- that saw or heard it, where the worker says so
  consent_id uuid not null, -- by which grant it was compared
  score real not null, -- the cosine, the highest of its observations
  margin real, -- to the next person; null: there was none
  state text not null check (state in ('open', 'confirmed', 'rejected')),
  observations integer not null check (observations > 0),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  decided_at timestamptz,
  decided_by uuid references users, -- null: nobody yet, or the hub, above the score at which it may
  primary key (agent_id, id),
  foreign key (agent_id, person_id) references people,
  foreign key (agent_id, voiceprint_id) references voiceprints on delete cascade,
  foreign key (agent_id, faceprint_id) references faceprints on delete cascade,
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, device_id) references devices,
  foreign key (agent_id, consent_id) references consents,
  check ((modality = 'voice') = (voiceprint_id is not null)),
  check ((modality = 'face') = (faceprint_id is not null)),
  check ((state = 'open') = (decided_at is null)),
  check (decided_by is null or decided_at is not null),
  check (last_seen_at >= first_seen_at)
);
-- However often somebody is seen, they are asked about once.
create unique index identity_hypotheses_open on identity_hypotheses (agent_id, person_id, modality, space_id)
  where state = 'open';
create index identity_hypotheses_latest on identity_hypotheses (agent_id, person_id, modality, space_id, id desc);
create index identity_hypotheses_voiceprint on identity_hypotheses (agent_id, voiceprint_id) where voiceprint_id is not null;
create index identity_hypotheses_faceprint on identity_hypotheses (agent_id, faceprint_id) where faceprint_id is not null;
create index identity_hypotheses_seen on identity_hypotheses (last_seen_at);
call hub.protect('identity_hypotheses');
grant select, insert, update, delete on identity_hypotheses to hub_app, hub_system;

-- Each time that a hypothesis was seen again, as far as that is written down.
create table recognition_observations (
  agent_id uuid not null references agents,
  id uuid not null,
  hypothesis_id uuid not null,
  modality text not null check (modality in ('voice', 'face')),
  device_id uuid,
  consent_id uuid not null, -- by which grant it was compared
  score real not null,
  occurred_at timestamptz, -- as the worker says
  observed_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, hypothesis_id) references identity_hypotheses on delete cascade,
  foreign key (agent_id, device_id) references devices,
  foreign key (agent_id, consent_id) references consents
);
create index recognition_observations_hypothesis on recognition_observations (agent_id, hypothesis_id);
create index recognition_observations_at on recognition_observations (observed_at);
call hub.protect('recognition_observations');
grant select, insert, delete on recognition_observations to hub_app, hub_system;
grant update (observed_at) on recognition_observations to hub_system; -- to lock what is old, as it is removed

-- Who is where, since somebody said so and for as long as they are seen.
create table presence (
  agent_id uuid not null references agents,
  id uuid not null,
  person_id uuid not null,
  space_id uuid not null,
  modality text not null check (modality in ('voice', 'face')),
  hypothesis_id uuid not null,
  consent_id uuid not null,
  device_id uuid,
  since timestamptz not null,
  seen_at timestamptz not null,
  primary key (agent_id, id),
  unique (agent_id, space_id, person_id),
  foreign key (agent_id, person_id) references people,
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, hypothesis_id) references identity_hypotheses on delete cascade,
  foreign key (agent_id, consent_id) references consents,
  foreign key (agent_id, device_id) references devices,
  check (seen_at >= since)
);
create index presence_seen on presence (seen_at);
create index presence_hypothesis on presence (agent_id, hypothesis_id);
call hub.protect('presence');
grant select, insert, update, delete on presence to hub_app, hub_system;

create table presence_history (
  agent_id uuid not null references agents,
  id uuid not null, -- the one that the presence had
  person_id uuid not null,
  space_id uuid not null,
  modality text not null check (modality in ('voice', 'face')),
  consent_id uuid not null,
  since timestamptz not null,
  until timestamptz not null,
  reason text not null check (reason in ('aged_out', 'removed', 'privacy_mode')),
  primary key (agent_id, id),
  foreign key (agent_id, person_id) references people,
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, consent_id) references consents,
  check (until >= since)
);
create index presence_history_person on presence_history (agent_id, person_id);
create index presence_history_until on presence_history (until);
call hub.protect('presence_history');
grant select, insert, delete on presence_history to hub_app, hub_system;
grant update (until) on presence_history to hub_system; -- likewise

alter table recognition_observations alter column modality set statistics 0;
alter table presence alter column modality set statistics 0;
alter table presence_history alter column modality set statistics 0;

-- Whose names a turn was told, so that forgetting them, or a consent that ends, reaches what came of it.
alter table turns add column read_person_ids uuid[];

-- What is in a space is not there for those who are limited to others.
call hub.limit_to_spaces('identity_hypotheses');
call hub.limit_to_spaces('presence');
call hub.limit_to_spaces('presence_history');

-- As before, and these six tables: what hung on a consent has to be off the disk as what was forgotten has.
create or replace function hub.scrub(target text) returns boolean
language plpgsql security definer
set search_path = hub, pg_temp
set maintenance_work_mem = '768MB'
set max_parallel_maintenance_workers = 0
as $$
begin
  if target <> all (array['events', 'turns', 'turn_stream', 'turn_steps', 'memories', 'memory_candidates', 'actions',
      'action_decisions', 'commands', 'idempotency_keys', 'jobs', 'device_shadows', 'artifacts', 'people', 'consents', 'invitations',
      'embeddings_384', 'embeddings_768', 'embeddings_1024', 'embeddings_1536', 'voiceprints', 'faceprints',
      'identity_hypotheses', 'recognition_observations', 'presence', 'presence_history', 'scrub_probe']) then
    raise exception '% is not scrubbed', target using errcode = '22023';
  end if;
  execute format('cluster %I using %I', target, target || '_pkey');
  return pg_relation_size(target::regclass) = 0;
end
$$;

reset role;
reset search_path;
