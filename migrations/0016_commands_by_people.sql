-- People and programs send commands, cancel them, and replace those that a device does not have yet.
set local role hub_owner;
set local search_path = hub;

alter table commands
  drop constraint commands_state_check,
  add constraint commands_state_check check (state in ('queued', 'sent', 'acknowledged', 'succeeded', 'failed',
    'unsupported', 'cancelled', 'expired', 'unknown', 'superseded')),
  -- A newer command of the same key takes the place of those that the device does not have yet.
  add column supersede_key text check (length(supersede_key) between 1 and 100),
  -- Somebody no longer wants a command that the device has: it is told, and says what became of it.
  add column cancel_requested_at timestamptz,
  -- The socket that was told, by its generation: a newer one is told again.
  add column cancel_told_generation bigint;

reset role;
reset search_path;
