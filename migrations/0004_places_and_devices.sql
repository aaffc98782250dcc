-- Where the agent is, and the devices it is there through.
set local role hub_owner;
set local search_path = hub;

create table locations (
  agent_id uuid not null references agents,
  id uuid not null,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null,
  primary key (agent_id, id)
);
call hub.protect('locations');
grant select, insert on locations to hub_app, hub_system;

create table spaces (
  agent_id uuid not null references agents,
  id uuid not null,
  location_id uuid,
  name text not null check (length(name) between 1 and 100),
  privacy_mode text not null check (privacy_mode in ('normal', 'private')),
  is_elsewhere boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, location_id) references locations
);
create unique index spaces_name on spaces (agent_id, lower(name));
create unique index spaces_one_elsewhere on spaces (agent_id) where is_elsewhere;
call hub.protect('spaces');
grant select, insert, update on spaces to hub_app, hub_system;

create table devices (
  agent_id uuid not null references agents,
  id uuid not null,
  space_id uuid not null,
  person_id uuid, -- whose personal device it is; null: the household's
  name text not null check (length(name) between 1 and 100),
  capabilities jsonb not null default '[]',
  scopes text[] not null,
  default_trust text not null check (default_trust in ('owner', 'household', 'guest', 'outside')),
  software jsonb,
  command_seq bigint not null default 0,
  generation bigint not null default 0,
  last_seen_at timestamptz,
  created_at timestamptz not null,
  revoked_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, space_id) references spaces,
  foreign key (agent_id, person_id) references people
);
create unique index devices_name on devices (agent_id, lower(name)) where revoked_at is null;
create index devices_space on devices (agent_id, space_id);
call hub.protect('devices');
grant select, insert, update on devices to hub_app, hub_system;

-- Which node holds a device's socket. The newest generation wins.
create table device_connections (
  agent_id uuid not null,
  device_id uuid not null,
  node uuid not null,
  generation bigint not null,
  connected_at timestamptz not null,
  heartbeat_at timestamptz not null,
  primary key (agent_id, device_id),
  foreign key (agent_id, device_id) references devices
);
call hub.protect('device_connections');
grant select, insert, update, delete on device_connections to hub_app, hub_system;

-- Every opaque credential: 256 bits, shown once, kept as SHA-256. Revoked or expired is never revived.
create table access_tokens (
  agent_id uuid not null references agents,
  id uuid not null,
  kind text not null check (kind in ('device', 'service')),
  device_id uuid,
  token_sha256 bytea not null unique check (length(token_sha256) = 32),
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, device_id) references devices,
  check ((kind = 'device') = (device_id is not null))
);
create index access_tokens_device on access_tokens (agent_id, device_id);
call hub.protect('access_tokens');
grant select, insert, update on access_tokens to hub_app, hub_system;

reset role;
reset search_path;
