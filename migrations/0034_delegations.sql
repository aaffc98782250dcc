-- Agents acting for others: what an agent lets a named other agent, or a named service, do for it, for a while. A delegation may
-- pass some of it on to a child, which counts against all above it and ends with any of them. The secret is a row of
-- access_tokens, as every opaque credential.
set local role hub_owner;
set local search_path = hub;

create table delegations (
  agent_id uuid not null references agents, -- whose agent it is that others act for
  id uuid not null,
  parent_id uuid, -- the delegation by which this one was made; null: a user of the agent made it
  depth integer not null check (depth between 1 and 4),
  to_agent_id uuid references agents,
  to_service text check (to_service ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'),
  scopes text[] not null check (cardinality(scopes) > 0),
  max_uses bigint check (max_uses > 0), -- null: as many as its parents allow
  uses bigint not null default 0 check (uses >= 0 and uses <= max_uses),
  max_turns bigint check (max_turns >= 0), -- how often the agent may be made to think; null: as often as its parents allow
  turns bigint not null default 0 check (turns >= 0 and turns <= max_turns),
  issuer_agent_id uuid, -- where the user belongs who made it: for a child, the agent that its parent was given to
  issued_by uuid references users, -- null: a service made it
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, parent_id) references delegations,
  check (num_nonnulls(to_agent_id, to_service) = 1),
  check (to_agent_id <> agent_id),
  check ((parent_id is null) = (depth = 1)),
  check ((issuer_agent_id is null) = (issued_by is null)),
  check (parent_id is not null or (issued_by is not null and issuer_agent_id = agent_id)),
  check (expires_at > created_at and expires_at <= created_at + interval '90 days')
);
create index delegations_parent on delegations (agent_id, parent_id) where parent_id is not null;
create index delegations_issuer on delegations (agent_id, issued_by) where parent_id is null;
call hub.protect('delegations');
-- What was given never grows: only what was used of it is counted, and its end is written.
grant select, insert, update (uses, turns, revoked_at) on delegations to hub_app, hub_system;
grant delete on delegations to hub_system;

alter table access_tokens drop constraint access_tokens_kind_check;
alter table access_tokens add constraint access_tokens_kind_check check (kind in ('device', 'service', 'user', 'delegation'));
alter table access_tokens add column delegation_id uuid;
alter table access_tokens add foreign key (agent_id, delegation_id) references delegations;
alter table access_tokens add check ((kind = 'delegation') = (delegation_id is not null));
alter table access_tokens add check (kind <> 'delegation' or expires_at is not null);
create unique index access_tokens_delegation on access_tokens (agent_id, delegation_id) where delegation_id is not null;

reset role;
reset search_path;
