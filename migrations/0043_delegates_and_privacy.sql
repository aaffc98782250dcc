-- Whoever acts for the agent by a delegation sees nothing of a space that is private, also of what was kept before (DESIGN, law 8):
-- people read that, and the agent asks the gate. And whoever forgets to say what may be seen sees nothing, where it had been all.
set local role hub_owner;
set local search_path = hub;

-- `*`: all. `open`: those that are not private. An array of ids: those of them that are not private. Anything else is an error.
create function hub.open_spaces(limits text) returns uuid[]
language plpgsql stable parallel safe security definer
set search_path = hub, pg_temp
as $$
begin
  if limits = 'open' then
    return array(select id from spaces where agent_id = hub.agent() and privacy_mode = 'normal');
  end if;
  if coalesce(limits, '') = '' then
    raise exception 'hub.space_ids is not set' using errcode = '42501';
  end if;
  return array(select id from spaces where agent_id = hub.agent() and privacy_mode = 'normal' and id = any (limits::uuid[]));
end
$$;
revoke execute on function hub.open_spaces from public;
grant execute on function hub.open_spaces to hub_app, hub_system;
create policy recall on spaces for select to hub_owner using (true);

create or replace function hub.spaces() returns uuid[]
language sql stable parallel safe as $$
  select case current_setting('hub.space_ids', true) when '*' then null
    else hub.open_spaces(current_setting('hub.space_ids', true)) end
$$;

-- The spaces themselves are seen in either mode: that one is private says why nothing is there.
create function hub.space_limit() returns uuid[]
language sql stable parallel safe as $$
  select case when current_setting('hub.space_ids') in ('*', 'open') then null else current_setting('hub.space_ids')::uuid[] end
$$;
drop policy spaces on spaces;
create policy spaces on spaces as restrictive to hub_app
  using ((select hub.space_limit()) is null or id = any ((select hub.space_limit())::uuid[]));

-- What hangs on something that is in a space goes with it. The table behind is read with the same eyes, and by its key: EXISTS would
-- be answered by reading all of it.
create procedure hub.follow_spaces(target regclass, behind regclass, reference text)
language plpgsql as $$
begin
  execute format('create policy %3$I on %1$s as restrictive to hub_app using ((select hub.spaces()) is null or %3$I is null
    or (select true from %2$s b where b.agent_id = %1$s.agent_id and b.id = %1$s.%3$I))', target, behind, reference);
end
$$;
revoke execute on procedure hub.follow_spaces from public;
call hub.follow_spaces('turns', 'sessions', 'session_id');
call hub.follow_spaces('turn_stream', 'turns', 'turn_id');
call hub.follow_spaces('turn_steps', 'turns', 'turn_id');
call hub.follow_spaces('actions', 'sessions', 'session_id');
call hub.follow_spaces('commands', 'devices', 'device_id');
call hub.follow_spaces('commands', 'turns', 'turn_id');
call hub.follow_spaces('commands', 'actions', 'action_id');

reset role;
reset search_path;
