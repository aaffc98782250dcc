-- Conversations, their sessions, and the agent's log of events: dense positions in commit order, an envelope that never
-- changes, a payload that can only be erased.
set local role hub_owner;
set local search_path = hub;

create table conversations (
  agent_id uuid not null references agents,
  id uuid not null,
  kind text not null check (kind in ('space', 'direct')),
  space_id uuid not null,
  audience_person_id uuid,
  created_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, audience_person_id) references people,
  unique nulls not distinct (agent_id, kind, space_id, audience_person_id)
);
call hub.protect('conversations', has_audience => true);
grant select, insert on conversations to hub_app, hub_system;

create table sessions (
  agent_id uuid not null references agents,
  id uuid not null,
  conversation_id uuid not null,
  space_id uuid not null,
  audience_person_id uuid,
  state text not null check (state in ('open', 'closed')),
  idle_after_s integer check (idle_after_s > 0), -- null: never closes by itself
  opened_at timestamptz not null,
  last_event_at timestamptz not null,
  closed_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, conversation_id) references conversations,
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, audience_person_id) references people,
  check ((state = 'closed') = (closed_at is not null))
);
create unique index sessions_one_open on sessions (agent_id, conversation_id) where state = 'open';
call hub.protect('sessions', has_audience => true);
grant select, insert, update on sessions to hub_app, hub_system;

create table events (
  agent_id uuid not null references agents,
  id uuid not null,
  epoch integer not null,
  position bigint not null,
  type text not null check (length(type) between 1 and 100),
  payload jsonb,
  payload_salt bytea check (length(payload_salt) = 32),
  erased_at timestamptz,
  retain_until timestamptz,
  occurred_at timestamptz,
  recorded_at timestamptz not null,
  space_id uuid not null,
  session_id uuid,
  device_id uuid,
  person_id uuid,
  audience_person_id uuid,
  source_kind text not null check (source_kind in ('user', 'device', 'service', 'agent', 'hub')),
  source_id uuid,
  client_id text check (length(client_id) between 1 and 200),
  client_digest bytea,
  trust text not null check (trust in ('owner', 'household', 'guest', 'outside')),
  primary key (agent_id, id),
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, session_id) references sessions,
  foreign key (agent_id, device_id) references devices,
  check ((erased_at is null) = (payload is not null)),
  check ((payload is null) = (payload_salt is null))
);
create unique index events_position on events (agent_id, position);
create unique index events_client on events (agent_id, source_kind, source_id, client_id) where client_id is not null;
create index events_session on events (agent_id, session_id, position);
create index events_retention on events (retain_until) where retain_until is not null and erased_at is null;
call hub.protect('events', has_audience => true);
-- The envelope never changes: only these columns may be written after the insert.
grant select, insert on events to hub_app, hub_system;
grant update (payload, payload_salt, erased_at) on events to hub_app, hub_system;

reset role;
reset search_path;
