-- Work queued in the transaction that caused it. A lane holds one leased job at a time: the unique index says so, whatever
-- a claim's NOT EXISTS believed.
set local role hub_owner;
set local search_path = hub;

create table jobs (
  id uuid primary key,
  agent_id uuid not null references agents,
  kind text not null,
  lane text not null,
  payload jsonb not null,
  state text not null check (state in ('queued', 'leased', 'done', 'dead')),
  waiting_for text,
  run_at timestamptz not null,
  attempts integer not null default 0,
  lease_until timestamptz,
  fence bigint not null default 0,
  last_error text,
  created_at timestamptz not null,
  finished_at timestamptz,
  check ((state = 'leased') = (lease_until is not null)),
  check ((state in ('done', 'dead')) = (finished_at is not null))
) with (fillfactor = 70);
create unique index jobs_one_leased_a_lane on jobs (agent_id, lane) where state = 'leased';
create index jobs_runnable on jobs (run_at, id) where state in ('queued', 'leased');
create index jobs_lane on jobs (agent_id, lane, id) where state in ('queued', 'leased');
create index jobs_finished on jobs (finished_at) where state = 'done';
create index jobs_dead on jobs (agent_id, id) where state = 'dead';
call hub.protect('jobs');
grant select, insert, update on jobs to hub_app;
grant select, insert, update, delete on jobs to hub_system;

create table idempotency_keys (
  agent_id uuid not null references agents,
  principal text not null,
  operation text not null,
  key text not null check (length(key) between 1 and 200),
  body_sha256 bytea not null,
  answer jsonb, -- null while the effect's own transaction is open; nobody else can see it then
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (agent_id, principal, operation, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at);
call hub.protect('idempotency_keys');
grant select, insert, update on idempotency_keys to hub_app;
grant select, insert, update, delete on idempotency_keys to hub_system;

reset role;
reset search_path;
