-- Two people turn out to be one. What names the one names the other from then on, in every table; who was merged stays as a row
-- that says who they are now. Nothing is written under the old name any more, whoever read it before.
set local role hub_owner;
set local search_path = hub;

-- Whose a row is moves with the person. hub_system does that, and nobody else may.
grant update (person_id, audience_person_id) on events to hub_system;
grant update (audience_person_id) on artifacts, turn_steps, erasures, memory_tombstones to hub_system;
grant delete on conversations to hub_system;

-- Of an event's envelope nothing else ever changes, and these two only from somebody who was merged to the one they are now.
create function hub.events_stay_whose_they_are() returns trigger
language plpgsql set search_path = hub, pg_temp as $$
declare
  changed record;
begin
  for changed in
    values (old.person_id, new.person_id), (old.audience_person_id, new.audience_person_id)
  loop
    if changed.column1 is distinct from changed.column2 and not exists (select from people p
        where p.agent_id = old.agent_id and p.id = changed.column1 and p.merged_into = changed.column2) then
      raise exception 'the envelope of an event never changes' using errcode = '42501';
    end if;
  end loop;
  return new;
end
$$;
create trigger stay_whose_they_are before update of person_id, audience_person_id on events for each row
  when (old.person_id is distinct from new.person_id or old.audience_person_id is distinct from new.audience_person_id)
  execute function hub.events_stay_whose_they_are();

-- Whose words an event holds: whoever appends has the agent's head row, as has whoever merges, so this is in order.
create function hub.events_name_who_they_are() returns trigger
language plpgsql set search_path = hub, pg_temp as $$
declare
  is_now constant uuid := (select p.merged_into from people p where p.agent_id = new.agent_id and p.id = new.person_id);
begin
  new.person_id := coalesce(is_now, new.person_id);
  return new;
end
$$;
create trigger name_who_they_are before insert on events for each row when (new.person_id is not null)
  execute function hub.events_name_who_they_are();

-- Who is somebody else by the time of the commit, when the head row was taken, has nothing of their own any more: whoever
-- works for them starts again, as who they are now. The hub knows this code.
create function hub.of_somebody() returns trigger
language plpgsql set search_path = hub, pg_temp as $$
begin
  if exists (select from people p
      where p.agent_id = new.agent_id and p.id = new.audience_person_id and p.merged_at is not null) then
    raise exception 'this person was merged into another' using errcode = 'HB002';
  end if;
  return null;
end
$$;

create procedure hub.follow_people(target regclass)
language plpgsql as $$
begin
  execute format('create constraint trigger of_somebody after insert or update of audience_person_id on %s
    deferrable initially deferred for each row when (new.audience_person_id is not null)
    execute function hub.of_somebody()', target);
end
$$;
revoke execute on procedure hub.follow_people from public;

do $$
declare
  target regclass;
begin
  for target in
    select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'hub'::regnamespace and c.relkind = 'r' and a.attname = 'audience_person_id' and not a.attisdropped
      -- Vectors follow their memories.
      and c.relname not like 'embeddings\_%'
    order by c.relname
  loop
    call hub.follow_people(target);
  end loop;
end
$$;

-- Every table that has an audience from now on follows people, too.
create or replace procedure hub.protect(target regclass, has_audience boolean default false, agent_column text default 'agent_id')
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
  if has_audience then
    call hub.follow_people(target);
  end if;
end
$$;

-- Who was merged leaves nothing behind that says who they were; which rows were merged into one is asked for when that one is forgotten.
create index people_merged on people (agent_id, merged_into) where merged_into is not null;

reset role;
reset search_path;
