-- A household's other people: an invitation's one-time code lets one of them in. A membership that ended stays as a row, which
-- the same user may come back to; nothing that ended with it comes back.
set local role hub_owner;
set local search_path = hub;

create table invitations (
  agent_id uuid not null references agents,
  id uuid not null,
  code_sha256 bytea not null unique check (length(code_sha256) = 32),
  role text not null check (role in ('admin', 'member', 'guest')),
  name text check (length(name) between 1 and 100), -- what the agent will call them; null: their login name
  created_by uuid not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by uuid,
  revoked_at timestamptz,
  primary key (agent_id, id),
  foreign key (agent_id, created_by) references memberships (agent_id, user_id),
  foreign key (agent_id, accepted_by) references memberships (agent_id, user_id),
  check ((accepted_at is null) = (accepted_by is null)),
  check (accepted_at is null or revoked_at is null)
);
create index invitations_inviter on invitations (agent_id, created_by);
call hub.protect('invitations');
grant select, insert, update on invitations to hub_app, hub_system;
grant delete on invitations to hub_system;

reset role;
reset search_path;
