-- Forgetting is real (DESIGN, law 12): what was forgotten is gone at the commit, and from the disk when the tables that held it
-- have been written anew. What stays says that something was forgotten, how much and when, and never what.
set local role hub_owner;
set local search_path = hub;

-- One row a request to forget: what the receipt is made of. It holds no content.
create table erasures (
  agent_id uuid not null references agents,
  id uuid not null,
  audience_person_id uuid, -- whose things were forgotten; null: the household's
  target_kind text not null check (target_kind in ('memory', 'event', 'session', 'person')),
  target_id uuid not null,
  counts jsonb not null check (jsonb_typeof(counts) = 'object'), -- how many of each
  erased_at timestamptz not null,
  scrub_by timestamptz not null, -- when it is gone from the disk at the latest
  scrubbed_at timestamptz, -- when the tables were written anew
  wal text check (wal in ('turned_over', 'left')), -- whether what the database writes ahead was, too
  primary key (agent_id, id),
  foreign key (agent_id, audience_person_id) references people,
  check ((scrubbed_at is null) = (wal is null))
);
create index erasures_target on erasures (agent_id, target_id);
create index erasures_waiting on erasures (erased_at) where scrubbed_at is null;
call hub.protect('erasures', has_audience => true);
grant select, insert on erasures to hub_app, hub_system;
grant update (scrubbed_at, wal) on erasures to hub_system;

-- That a memory was there. The hash is the one in the audit log; without its salt, which is gone, it tells nobody anything.
create table memory_tombstones (
  agent_id uuid not null references agents,
  id uuid not null, -- the memory's
  audience_person_id uuid,
  erasure_id uuid not null,
  content_sha256 bytea not null check (length(content_sha256) = 32),
  forgotten_at timestamptz not null,
  primary key (agent_id, id),
  foreign key (agent_id, erasure_id) references erasures deferrable initially deferred,
  foreign key (agent_id, audience_person_id) references people
);
call hub.protect('memory_tombstones', has_audience => true);
grant select, insert on memory_tombstones to hub_app, hub_system;

-- Which memories a turn was given: what it said may repeat them. Null: from before this was written down.
alter table turns add column read_memory_ids uuid[];
-- Nothing is written into these any more, whatever a device says later.
alter table actions add column erased_at timestamptz;
alter table commands add column erased_at timestamptz;

grant update (client_digest) on events to hub_app, hub_system;
grant delete on memories, memory_candidates, memory_sources, turn_steps to hub_app, hub_system;
grant update (reason, arguments_sha256) on action_decisions to hub_app, hub_system;

-- The scrub. One process does it at a time.
create table scrubber_state (
  id boolean primary key default true check (id),
  leased_by uuid,
  lease_until timestamptz,
  problem text check (length(problem) <= 500), -- why the last try came to nothing
  check ((leased_by is null) = (lease_until is null))
);
insert into scrubber_state default values;
grant select, update on scrubber_state to hub_system;

-- A row is put here and taken away before tables are written anew. A transaction that began before may still need to see rows
-- that were deleted since, and they would be written anew with the others: so this table is first, and the scrub goes on only
-- where nothing of it is left.
create table scrub_probe (id boolean primary key default true check (id));
grant select, insert, delete on scrub_probe to hub_system;

-- Writes a table anew, with its indexes and what is stored beside it, without what nobody may see any more: DELETE and VACUUM leave
-- texts in the free space of both. Nobody else may use the table meanwhile. Only an owner may do this, so the function runs as
-- one; it takes the tables below and no others. Whether nothing is left at all is what it returns.
create function hub.scrub(target text) returns boolean
language plpgsql security definer
set search_path = hub, pg_temp
as $$
begin
  if target <> all (array['events', 'turns', 'turn_stream', 'turn_steps', 'memories', 'memory_candidates', 'actions',
      'action_decisions', 'commands', 'idempotency_keys', 'jobs', 'device_shadows', 'artifacts', 'people', 'embeddings_384',
      'embeddings_768', 'embeddings_1024', 'embeddings_1536', 'scrub_probe']) then
    raise exception '% is not scrubbed', target using errcode = '22023';
  end if;
  execute format('cluster %I using %I', target, target || '_pkey');
  return pg_relation_size(target::regclass) = 0;
end
$$;
revoke execute on function hub.scrub from public;
grant execute on function hub.scrub to hub_system;

-- The planner's statistics would hold samples of what people said, and of salts and digests, in a catalogue that nobody can write anew. Setting the type of a
-- column to what it is drops those that are there and changes nothing else; a trigger that names the column is in its way.
drop trigger embeddings_follow on memories;
do $$
declare
  content record;
begin
  for content in
    select a.attrelid::regclass as tab, a.attname as col, format_type(a.atttypid, a.atttypmod) as kind
    from pg_attribute a
    where not a.attisdropped and (a.attrelid::regclass::text, a.attname) in (
      ('action_decisions', 'arguments_sha256'), ('action_decisions', 'reason'), ('actions', 'arguments'),
      ('actions', 'arguments_salt'), ('actions', 'arguments_sha256'), ('actions', 'error'), ('actions', 'result'),
      ('actions', 'summary'), ('artifacts', 'media_type'), ('artifacts', 'name'), ('artifacts', 'sha256'),
      ('commands', 'arguments'), ('commands', 'arguments_salt'), ('commands', 'error'), ('commands', 'progress'),
      ('commands', 'result'), ('commands', 'result_salt'), ('commands', 'supersede_key'), ('device_shadows', 'desired'),
      ('device_shadows', 'desired_salt'), ('device_shadows', 'reported'), ('device_shadows', 'reported_salt'),
      ('embeddings_1024', 'embedding'), ('embeddings_1024', 'problem'), ('embeddings_1536', 'embedding'),
      ('embeddings_1536', 'problem'), ('embeddings_384', 'embedding'), ('embeddings_384', 'problem'),
      ('embeddings_768', 'embedding'), ('embeddings_768', 'problem'), ('events', 'client_digest'), ('events', 'payload'),
      ('events', 'payload_salt'), ('idempotency_keys', 'answer'), ('idempotency_keys', 'body_sha256'),
      ('jobs', 'last_error'), ('memories', 'content'), ('memories', 'content_salt'), ('memories', 'words'),
      ('memory_candidates', 'content'), ('memory_candidates', 'content_salt'), ('people', 'aliases'), ('people', 'name'),
      ('people', 'relationship'), ('turn_steps', 'function'), ('turn_stream', 'text'), ('turns', 'reason'))
  loop
    execute format('alter table %s alter column %I type %s, alter column %2$I set statistics 0', content.tab, content.col,
      content.kind);
  end loop;
end
$$;
create trigger embeddings_follow after update of lifecycle, content, audience_person_id on memories
  for each row execute function hub.embeddings_follow();

reset role;
reset search_path;
