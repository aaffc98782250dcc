-- Turns: one run of the agent on its input events; and what it remembers, each memory with its source.
set local role hub_owner;
set local search_path = hub;

create table turns (
  agent_id uuid not null references agents,
  id uuid not null,
  session_id uuid not null,
  audience_person_id uuid,
  state text not null check (state in ('queued', 'running', 'waiting', 'planned', 'skipped', 'dead')),
  reason text, -- why it was skipped or is dead
  waiting_for text,
  attempt integer not null default 0,
  fence bigint not null default 0,
  runtime text,
  usage jsonb,
  reply_event_id uuid,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, session_id) references sessions,
  foreign key (agent_id, audience_person_id) references people,
  foreign key (agent_id, reply_event_id) references events deferrable initially deferred,
  check ((state in ('skipped', 'dead')) = (reason is not null)),
  check ((state in ('planned', 'skipped', 'dead')) = (finished_at is not null))
);
create index turns_open on turns (agent_id, id) where state in ('queued', 'running', 'waiting', 'dead');
call hub.protect('turns', has_audience => true);
grant select, insert, update on turns to hub_app, hub_system;

create table turn_inputs (
  agent_id uuid not null,
  turn_id uuid not null,
  ordinal integer not null,
  event_id uuid not null,
  primary key (agent_id, turn_id, ordinal),
  foreign key (agent_id, turn_id) references turns,
  foreign key (agent_id, event_id) references events deferrable initially deferred,
  unique (agent_id, event_id)
);
call hub.protect('turn_inputs');
grant select, insert on turn_inputs to hub_app, hub_system;

create table memories (
  agent_id uuid not null references agents,
  id uuid not null,
  tier text not null check (tier in
    ('episodic', 'semantic', 'procedural', 'preference', 'relationship', 'location', 'device', 'policy')),
  content text not null check (length(content) between 1 and 8000),
  content_salt bytea not null check (length(content_salt) = 32),
  words tsvector not null,
  importance real not null check (importance between 0 and 1),
  confidence real not null check (confidence between 0 and 1),
  trust text not null check (trust in ('owner', 'household', 'guest', 'outside')),
  lifecycle text not null check (lifecycle in ('committed', 'superseded', 'forgotten')),
  audience_person_id uuid,
  space_id uuid not null,
  session_id uuid,
  valid_from timestamptz not null,
  valid_until timestamptz,
  superseded_by uuid,
  created_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, audience_person_id) references people,
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, session_id) references sessions,
  foreign key (agent_id, superseded_by) references memories
);
create index memories_words on memories using gin (words);
call hub.protect('memories', has_audience => true);
grant select, insert, update on memories to hub_app, hub_system;

create table memory_candidates (
  agent_id uuid not null references agents,
  id uuid not null,
  turn_id uuid not null,
  tier text not null,
  content text not null check (length(content) between 1 and 8000),
  content_salt bytea not null check (length(content_salt) = 32),
  importance real not null check (importance between 0 and 1),
  confidence real not null check (confidence between 0 and 1),
  trust text not null check (trust in ('owner', 'household', 'guest', 'outside')),
  state text not null check (state in ('candidate', 'committed', 'rejected')),
  audience_person_id uuid,
  memory_id uuid,
  created_at timestamptz not null,
  decided_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, turn_id) references turns,
  foreign key (agent_id, memory_id) references memories,
  foreign key (agent_id, audience_person_id) references people,
  check ((state = 'committed') = (memory_id is not null))
);
create index memory_candidates_memory on memory_candidates (agent_id, memory_id) where memory_id is not null;
create index memory_candidates_waiting on memory_candidates (agent_id, id) where state = 'candidate';
call hub.protect('memory_candidates', has_audience => true);
grant select, insert, update on memory_candidates to hub_app, hub_system;

create table memory_sources (
  agent_id uuid not null,
  candidate_id uuid not null,
  event_id uuid not null,
  primary key (agent_id, candidate_id, event_id),
  foreign key (agent_id, candidate_id) references memory_candidates,
  foreign key (agent_id, event_id) references events deferrable initially deferred
);
call hub.protect('memory_sources');
grant select, insert on memory_sources to hub_app, hub_system;

-- Recall by words. A plain query cannot use the text index under row-level security, because @@ is not leakproof, so this
-- function runs as the owner and filters by agent and audience itself. It is one of the few such functions; a test lists them.
-- Any word of the question may match; how many of them did is part of the score, and very common words are capped by
-- ranking the first 2,000 matches only.
create policy recall on memories for select to hub_owner using (true);
create function hub.recall_words(question text, config regconfig, max_results integer)
returns table (memory_id uuid, word_score real, matched text[], asked integer)
language plpgsql stable security definer
set search_path = hub, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  for_agent constant uuid := hub.agent();
  for_person constant uuid := hub.person();
  terms constant text[] := tsvector_to_array(to_tsvector(config, question));
  any_term tsquery;
begin
  if cardinality(terms) = 0 then
    return;
  end if;
  select string_agg(quote_literal(term), ' | ')::tsquery into any_term from unnest(terms) as term;
  return query
    select ranked.id,
           (ts_rank(ranked.words, any_term, 1) * (0.25 + 0.75 * cardinality(ranked.hits)::real / cardinality(terms)))::real,
           ranked.hits,
           cardinality(terms)
    from (
      select m.id, m.words,
             array(select t from unnest(terms) as t where t = any (tsvector_to_array(m.words))) as hits
      from memories m
      where m.agent_id = for_agent
        and m.words @@ any_term
        and m.lifecycle = 'committed'
        and (m.audience_person_id is null or m.audience_person_id = for_person)
      limit 2000
    ) as ranked
    order by 2 desc, ranked.id desc
    limit least(greatest(max_results, 0), 200);
end
$$;
revoke execute on function hub.recall_words from public;
grant execute on function hub.recall_words to hub_app;

reset role;
reset search_path;
