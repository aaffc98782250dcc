-- Who a transaction works for. hub.agent() raises when nobody said so: a forgotten agent is an error, a wrong one finds
-- nothing. After a local setting ends it is '', not NULL, so both count as missing.
set local role hub_owner;
set local search_path = hub;

create function hub.agent() returns uuid
language plpgsql stable parallel safe as $$
declare
  said text := current_setting('hub.agent_id', true);
begin
  if said is null or said = '' then
    raise exception 'no agent is set for this transaction' using errcode = 'HB001';
  end if;
  return said::uuid;
end
$$;

-- The person whose private things may be seen; NULL sees the household's only.
create function hub.person() returns uuid
language sql stable parallel safe as $$
  select nullif(current_setting('hub.person_id', true), '')::uuid
$$;

-- Puts a table under row-level security: by agent, and by audience where the table has one. Every table with agent_id is
-- given to this procedure by the migration that creates it; a test reads the catalogue and holds that.
create procedure hub.protect(target regclass, has_audience boolean default false, agent_column text default 'agent_id')
language plpgsql as $$
declare
  rule text := format('%I = (select hub.agent())', agent_column);
begin
  if has_audience then
    rule := rule || ' and (audience_person_id is null or audience_person_id = (select hub.person()))';
  end if;
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy tenant on %s to hub_app using (%s) with check (%s)', target, rule, rule);
  execute format('create policy system on %s to hub_system using (true) with check (true)', target);
end
$$;
revoke execute on procedure hub.protect from public;

reset role;
reset search_path;
