-- What people allow says in words why, and an invitation what the agent will call somebody. Both go when the person is forgotten: the
-- rest of a consent's row is still never changed.
set local role hub_owner;
set local search_path = hub;

grant update (evidence) on consents to hub_app, hub_system;

-- As before, and these two tables.
create or replace function hub.scrub(target text) returns boolean
language plpgsql security definer
set search_path = hub, pg_temp
as $$
begin
  if target <> all (array['events', 'turns', 'turn_stream', 'turn_steps', 'memories', 'memory_candidates', 'actions',
      'action_decisions', 'commands', 'idempotency_keys', 'jobs', 'device_shadows', 'artifacts', 'people', 'consents', 'invitations',
      'embeddings_384', 'embeddings_768', 'embeddings_1024', 'embeddings_1536', 'scrub_probe']) then
    raise exception '% is not scrubbed', target using errcode = '22023';
  end if;
  execute format('cluster %I using %I', target, target || '_pkey');
  return pg_relation_size(target::regclass) = 0;
end
$$;

-- No samples of the words in the planner's statistics; see 0029.
alter table consents alter column evidence type text, alter column evidence set statistics 0;
alter table invitations alter column name type text, alter column name set statistics 0;

reset role;
reset search_path;
