-- Agents, the humans around them, and everything that proves who is calling.
set local role hub_owner;
set local search_path = hub;

create table agents (
  id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  runtime text not null check (runtime in ('offline', 'planner')),
  time_zone text not null,
  language text not null,
  created_at timestamptz not null,
  paused_at timestamptz,
  disabled_at timestamptz
);
call hub.protect('agents', agent_column => 'id');
grant select, insert, update on agents to hub_app, hub_system;

-- One row an agent: where its log ends. Every transaction that appends updates it, so positions are dense and in commit
-- order. The nil agent is the hub's own audit chain, for operations without an agent; it has no events.
create table agent_heads (
  agent_id uuid primary key,
  epoch integer not null default 1,
  position bigint not null default 0,
  audit_seq bigint not null default 0
) with (fillfactor = 50);
insert into agent_heads (agent_id) values ('00000000-0000-0000-0000-000000000000');
call hub.protect('agent_heads');
grant select, insert, update on agent_heads to hub_app, hub_system;

create table users (
  id uuid primary key,
  name text not null check (length(name) between 1 and 100),
  password_hash text not null,
  created_at timestamptz not null,
  disabled_at timestamptz
);
create unique index users_name on users (lower(name));
grant select, insert, update on users to hub_system;

-- A family of refresh tokens: one row a sign-in; using an old refresh token again revokes it.
create table sign_ins (
  id uuid primary key,
  user_id uuid not null references users,
  refresh_sha256 bytea not null unique,
  previous_sha256 bytea unique,
  created_at timestamptz not null,
  refreshed_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index sign_ins_user on sign_ins (user_id);
grant select, insert, update on sign_ins to hub_system;

create table people (
  agent_id uuid not null references agents,
  id uuid not null,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null,
  primary key (agent_id, id)
);
call hub.protect('people');
grant select, insert, update on people to hub_app, hub_system;

create table person_accounts (
  agent_id uuid not null,
  id uuid not null,
  person_id uuid not null,
  user_id uuid not null references users,
  created_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, person_id) references people,
  unique (agent_id, user_id)
);
call hub.protect('person_accounts');
grant select, insert on person_accounts to hub_app, hub_system;

create table memberships (
  agent_id uuid not null references agents,
  id uuid not null,
  user_id uuid not null references users,
  role text not null check (role in ('owner', 'admin', 'member', 'guest', 'blocked')),
  created_at timestamptz not null,
  revoked_at timestamptz,
  primary key (agent_id, id),
  unique (agent_id, user_id)
);
create unique index memberships_one_owner on memberships (agent_id) where role = 'owner' and revoked_at is null;
create index memberships_user on memberships (user_id);
call hub.protect('memberships');
grant select, insert, update on memberships to hub_app, hub_system;

create table personas (
  agent_id uuid not null references agents,
  id uuid not null,
  name text not null,
  instructions text not null check (length(instructions) <= 20000),
  is_default boolean not null,
  created_at timestamptz not null,
  primary key (agent_id, id)
);
create unique index personas_one_default on personas (agent_id) where is_default;
call hub.protect('personas');
grant select, insert, update on personas to hub_app, hub_system;

-- The one-time code with which a fresh agent is claimed.
create table claims (
  agent_id uuid not null references agents,
  id uuid not null,
  code_sha256 bytea not null unique,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  claimed_at timestamptz,
  claimed_by uuid references users,
  primary key (agent_id, id)
);
call hub.protect('claims');
grant select, insert, update on claims to hub_system;

reset role;
reset search_path;
