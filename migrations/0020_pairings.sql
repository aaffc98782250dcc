-- Devices come by pairing (RFC 8628), credentials end while their successors live, and what a device can do beyond what a
-- person approved waits for one.
set local role hub_owner;
set local search_path = hub;

-- A device that has no credential asks for one. It belongs to nobody until somebody approves it for their agent, so these rows
-- are the hub's own; they go a day after their end.
create table pairings (
  id uuid primary key,
  device_code_sha256 bytea not null unique check (length(device_code_sha256) = 32),
  user_code text not null unique check (length(user_code) = 8),
  state text not null check (state in ('waiting', 'approved', 'rejected', 'collected', 'expired')),
  -- What the device says of itself; nobody has checked it.
  name text check (length(name) between 1 and 100),
  software text not null check (length(software) between 1 and 100),
  version text check (length(version) between 1 and 100),
  capabilities text[] not null,
  scopes text[] not null,
  asked_from text check (length(asked_from) <= 64),
  interval_s integer not null check (interval_s between 1 and 600),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  polled_at timestamptz,
  approved_agent_id uuid,
  device_id uuid,
  decided_by uuid references users,
  decided_at timestamptz,
  -- The credential is made of this and of the device code, which only the device has: asked for again, it is the same.
  credential_salt bytea check (length(credential_salt) = 32),
  collected_at timestamptz,
  foreign key (approved_agent_id, device_id) references devices (agent_id, id),
  check ((approved_agent_id is null) = (device_id is null)),
  check (state not in ('approved', 'collected') or device_id is not null),
  check ((state = 'collected') = (collected_at is not null)),
  check ((collected_at is null) = (credential_salt is null))
);
create index pairings_end on pairings (expires_at);
grant select, insert, update, delete on pairings to hub_system;

-- The kinds that a person let the device do. Null: it has not declared any yet; what it declares first is approved with the
-- device itself.
alter table devices add column approved_kinds text[];
-- Not as the owner, whom row-level security shows nothing.
set local role hub_system;
update devices set approved_kinds = array(
    select distinct declared ->> 'kind' from jsonb_array_elements(capabilities) as declared
    where declared ->> 'kind' is not null order by 1)
  where jsonb_typeof(capabilities) = 'array' and jsonb_array_length(capabilities) > 0;
set local role hub_owner;

-- Renewing leaves rows behind that prove nothing any more.
grant delete on access_tokens to hub_system;

reset role;
reset search_path;
