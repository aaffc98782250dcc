-- What a device should be like, and what it says it is like: two documents with a version each. People write the one, the device
-- the other, so that neither waits for the other and both are known while the device is away.
set local role hub_owner;
set local search_path = hub;

create table device_shadows (
  agent_id uuid not null,
  device_id uuid not null,
  audience_person_id uuid, -- whose personal device it is; null: the household's
  desired jsonb not null default '{}' check (jsonb_typeof(desired) = 'object'),
  desired_version bigint not null default 0 check (desired_version >= 0),
  desired_at timestamptz, -- when it last changed
  desired_salt bytea check (length(desired_salt) = 32),
  reported jsonb not null default '{}' check (jsonb_typeof(reported) = 'object'),
  reported_version bigint not null default 0 check (reported_version >= 0),
  reported_at timestamptz,
  reported_salt bytea check (length(reported_salt) = 32),
  reached_version bigint not null default 0, -- of the desired document, as the device says
  -- What the device's socket of this generation was told: whoever looks finds what it was not told, however the wake-up was lost.
  told_version bigint not null default 0,
  told_generation bigint not null default 0,
  primary key (agent_id, device_id),
  foreign key (agent_id, device_id) references devices,
  foreign key (agent_id, audience_person_id) references people,
  check ((desired_version = 0) = (desired_at is null) and (desired_at is null) = (desired_salt is null)),
  check ((reported_version = 0) = (reported_at is null) and (reported_at is null) = (reported_salt is null)),
  check (reached_version between 0 and desired_version),
  check (told_version between 0 and desired_version)
);
call hub.protect('device_shadows', has_audience => true);
grant select, insert, update, delete on device_shadows to hub_app, hub_system;

-- To say what a device is like is a scope of its own: a lamp that may say that it is on need not be heard by the agent. The
-- devices that were let in with all that a satellite has have this, too.
-- Not as the owner, whom row-level security shows nothing.
set local role hub_system;
update devices set scopes = scopes || 'state:write'::text
where revoked_at is null and scopes @> array['events:write', 'commands:receive'] and not scopes @> array['state:write'];
update access_tokens set scopes = scopes || 'state:write'::text
where kind = 'device' and revoked_at is null and scopes @> array['events:write', 'commands:receive']
  and not scopes @> array['state:write'];

reset role;
reset search_path;
