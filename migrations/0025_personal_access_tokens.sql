-- A person's own credentials for programs: of one user at one agent, with scopes of their role, and always with an end.
set local role hub_owner;
set local search_path = hub;

alter table access_tokens drop constraint access_tokens_kind_check;
alter table access_tokens add constraint access_tokens_kind_check check (kind in ('device', 'service', 'user'));
alter table access_tokens add column user_id uuid;
alter table access_tokens add column name text check (length(name) between 1 and 100);
-- Whoever never belonged to the agent has none; whoever leaves keeps rows that prove nothing.
alter table access_tokens add foreign key (agent_id, user_id) references memberships (agent_id, user_id);
alter table access_tokens add check ((kind = 'user') = (user_id is not null));
alter table access_tokens add check (kind <> 'user' or (name is not null and expires_at is not null));
create index access_tokens_user on access_tokens (agent_id, user_id) where user_id is not null;

reset role;
reset search_path;
