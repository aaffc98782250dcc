-- Files that belong to the agent: what they are is here, their bytes are in the store of artifacts.
set local role hub_owner;
set local search_path = hub;

-- A row is there before its bytes and after them: no bytes are ever in the store that no row tells of.
create table artifacts (
  agent_id uuid not null references agents,
  id uuid not null,
  audience_person_id uuid,
  space_id uuid not null,
  name text check (length(name) between 1 and 200),
  media_type text not null check (length(media_type) between 3 and 200),
  size_bytes bigint not null check (size_bytes > 0),
  sha256 bytea not null check (length(sha256) = 32),
  state text not null check (state in ('pending', 'stored', 'deleted')),
  created_at timestamptz not null,
  stored_at timestamptz,
  deleted_at timestamptz,
  removed_at timestamptz, -- when its bytes were last removed; a link that is still good may bring some again
  primary key (agent_id, id),
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, audience_person_id) references people,
  check (state <> 'stored' or stored_at is not null),
  check ((state = 'deleted') = (deleted_at is not null)),
  check (removed_at is null or state = 'deleted'),
  check (name is null or state <> 'deleted')
);
create index artifacts_unfinished on artifacts (created_at) where state = 'pending';
create index artifacts_deleted on artifacts (deleted_at) where state = 'deleted';
call hub.protect('artifacts', has_audience => true);
-- What was announced never changes.
grant select, insert, update (state, name, stored_at, deleted_at, removed_at) on artifacts to hub_app, hub_system;
grant delete on artifacts to hub_system;

reset role;
reset search_path;
