-- What the agent wants to do, who decided, each attempt at it, and the mailbox of every device.
set local role hub_owner;
set local search_path = hub;

create table actions (
  agent_id uuid not null references agents,
  id uuid not null,
  turn_id uuid,
  session_id uuid,
  audience_person_id uuid,
  tool text not null,
  summary text not null check (length(summary) between 1 and 1000),
  arguments jsonb not null,
  arguments_salt bytea not null check (length(arguments_salt) = 32),
  arguments_sha256 bytea not null check (length(arguments_sha256) = 32),
  schema_sha256 bytea not null check (length(schema_sha256) = 32),
  required_scopes text[] not null,
  state text not null check (state in ('proposed', 'approved', 'rejected', 'expired', 'executing',
    'succeeded', 'failed', 'cancelled', 'timed_out', 'unknown')),
  result jsonb,
  error text,
  deadline_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, turn_id) references turns,
  foreign key (agent_id, session_id) references sessions,
  foreign key (agent_id, audience_person_id) references people
);
create index actions_by_state on actions (agent_id, state, id);
create index actions_deadline on actions (deadline_at) where state in ('proposed', 'approved');
call hub.protect('actions', has_audience => true);
grant select, insert, update on actions to hub_app, hub_system;

create table action_decisions (
  agent_id uuid not null,
  id uuid not null,
  action_id uuid not null,
  decision text not null check (decision in ('approve', 'reject', 'done', 'not_done', 'retry')),
  user_id uuid not null references users,
  reason text check (length(reason) <= 2000),
  arguments_sha256 bytea not null,
  schema_sha256 bytea not null,
  created_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, action_id) references actions
);
create index action_decisions_action on action_decisions (agent_id, action_id);
call hub.protect('action_decisions');
grant select, insert on action_decisions to hub_app, hub_system;

create table action_attempts (
  agent_id uuid not null,
  id uuid not null,
  action_id uuid not null,
  number integer not null check (number > 0),
  fence bigint not null,
  state text not null check (state in ('open', 'succeeded', 'failed', 'cancelled', 'timed_out', 'unknown')),
  started_at timestamptz not null,
  finished_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, action_id) references actions,
  unique (agent_id, action_id, number),
  check ((state = 'open') = (finished_at is null))
);
create unique index action_attempts_one_open on action_attempts (agent_id, action_id) where state = 'open';
call hub.protect('action_attempts');
grant select, insert, update on action_attempts to hub_app, hub_system;

create table commands (
  agent_id uuid not null references agents,
  id uuid not null,
  device_id uuid not null,
  seq bigint not null,
  kind text not null check (length(kind) between 1 and 100),
  arguments jsonb not null,
  arguments_salt bytea not null check (length(arguments_salt) = 32),
  action_id uuid,
  attempt_id uuid,
  turn_id uuid,
  audience_person_id uuid,
  state text not null check (state in ('queued', 'sent', 'acknowledged', 'succeeded', 'failed', 'unsupported',
    'cancelled', 'expired', 'unknown')),
  attempts integer not null default 0,
  deadline_at timestamptz not null,
  last_deadline_at timestamptz not null, -- progress never moves the deadline past this
  progress jsonb,
  result jsonb,
  error jsonb,
  result_salt bytea check (length(result_salt) = 32), -- of the commitment to both
  is_late boolean not null default false,
  created_at timestamptz not null,
  sent_at timestamptz,
  acknowledged_at timestamptz,
  finished_at timestamptz,
  primary key (agent_id, id),
  unique (agent_id, device_id, seq),
  foreign key (agent_id, device_id) references devices,
  foreign key (agent_id, action_id) references actions,
  foreign key (agent_id, attempt_id) references action_attempts,
  foreign key (agent_id, turn_id) references turns,
  foreign key (agent_id, audience_person_id) references people
);
create index commands_open on commands (agent_id, device_id, seq) where state in ('queued', 'sent', 'acknowledged');
create index commands_deadline on commands (deadline_at) where state in ('queued', 'sent', 'acknowledged');
create unique index commands_one_an_attempt on commands (agent_id, attempt_id) where attempt_id is not null;
call hub.protect('commands', has_audience => true);
grant select, insert, update on commands to hub_app, hub_system;

-- One part of a reply on its way to a place.
create table deliveries (
  agent_id uuid not null references agents,
  id uuid not null,
  event_id uuid not null,
  turn_id uuid not null,
  audience_person_id uuid,
  command_id uuid not null,
  state text not null check (state in ('pending', 'delivered', 'failed', 'unknown')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, event_id) references events deferrable initially deferred,
  foreign key (agent_id, turn_id) references turns,
  foreign key (agent_id, command_id) references commands,
  unique (agent_id, command_id)
);
call hub.protect('deliveries', has_audience => true);
grant select, insert, update on deliveries to hub_app, hub_system;

reset role;
reset search_path;
