-- What people allow to be done with what they say, and with how they look and sound. A history: a change is a new row, and no role
-- may change or remove one. A grant has a scope and an end; a withdrawal names one grant, or takes back a whole purpose. What was
-- used is recorded where it was used: a memory names the grant by which it was made, where there was one.
set local role hub_owner;
set local search_path = hub;

create table consents (
  agent_id uuid not null references agents,
  id uuid not null,
  person_id uuid not null,
  number bigint not null check (number > 0), -- its place in the person's history
  purpose text not null check (purpose in ('voice', 'face', 'recording', 'memory', 'sharing')),
  decision text not null check (decision in ('granted', 'withdrawn')),
  space_id uuid, -- in this space only; null: in all
  device_id uuid, -- by this device only; null: by all
  starts_at timestamptz not null,
  expires_at timestamptz, -- null: until it is withdrawn
  withdraws_id uuid, -- which grant a withdrawal ends; null: all of the purpose
  evidence_kind text not null check (evidence_kind in ('own_word', 'recorded_by')),
  evidence text check (length(evidence) between 1 and 500),
  given_by uuid not null references users,
  request_id text check (length(request_id) <= 200),
  created_at timestamptz not null,
  primary key (agent_id, id),
  unique (agent_id, person_id, number),
  foreign key (agent_id, person_id) references people,
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, device_id) references devices,
  foreign key (agent_id, withdraws_id) references consents,
  check (expires_at is null or expires_at > starts_at),
  check (decision = 'granted' or (space_id is null and device_id is null and expires_at is null)),
  check (decision = 'withdrawn' or withdraws_id is null),
  check (evidence_kind = 'own_word' or decision = 'withdrawn' or evidence is not null)
);
create index consents_purpose on consents (agent_id, person_id, purpose, number desc);
call hub.protect('consents');
grant select, insert on consents to hub_app, hub_system;

alter table memories add column consent_id uuid;
alter table memories add foreign key (agent_id, consent_id) references consents;
alter table memory_candidates add column consent_id uuid;
alter table memory_candidates add foreign key (agent_id, consent_id) references consents;

reset role;
reset search_path;
