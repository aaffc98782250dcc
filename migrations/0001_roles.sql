-- Three roles, so that no query can run with more than it needs (DESIGN 5):
-- hub_owner owns the schema, hub_app works for one agent and one person, hub_system is the one named entry for work
-- across agents. None may bypass row-level security. Creating a role is not transactional between databases of one
-- cluster, so a role that another database has just made is not an error.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['hub_owner', 'hub_app', 'hub_system'] loop
    begin
      execute format('create role %I nologin nosuperuser nobypassrls', wanted);
    exception when duplicate_object or unique_violation then
      null;
    end;
    if not pg_has_role(current_user, wanted, 'member') then
      execute format('grant %I to %I', wanted, current_user);
    end if;
  end loop;
end
$$;

create schema hub authorization hub_owner;
grant usage on schema hub to hub_app, hub_system;
