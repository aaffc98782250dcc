-- What a turn reads is written down before it thinks, so that forgetting reaches turns that are under way, and those that read of a
-- proposal; what was remembered by a consent is forgotten with it; and a scrub goes on where it was interrupted.
set local role hub_owner;
set local search_path = hub;

-- Null: from before this was written down.
alter table turns add column read_event_ids uuid[];
alter table turns add column read_action_ids uuid[];

-- A withdrawal forgets what was remembered by the grants that it takes back: it is named by the withdrawal.
alter table erasures drop constraint erasures_target_kind_check;
alter table erasures add constraint erasures_target_kind_check
  check (target_kind in ('memory', 'event', 'session', 'person', 'consent'));
create index memories_consent on memories (agent_id, consent_id) where consent_id is not null;

-- The round that is under way: the erasures it is for, and the tables that were written anew since those were committed.
alter table scrubber_state add column erasure_ids uuid[];
alter table scrubber_state add column written text[] not null default '{}';
alter table scrubber_state add check (erasure_ids is not null or written = '{}');

-- An index of vectors is built in memory where it finds room there, and many times slower where it does not: 100,000 vectors of
-- 1,536 numbers take some 700 MB. By one process, which takes no more than it needs; several would share all of it from the start,
-- which the shared memory of a container has no room for.
alter function hub.scrub set maintenance_work_mem = '768MB';
alter function hub.scrub set max_parallel_maintenance_workers = 0;

reset role;
reset search_path;
