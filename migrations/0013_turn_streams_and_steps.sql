-- A reply becomes visible while it is written, and each call of a model is kept with what it took.
set local role hub_owner;
set local search_path = hub;

-- What a turn says while it runs: provisional, and kept for a day. Text stays only of turns that were planned: what came to
-- nothing was never said. A turn has one end, whatever comes after; a replayed one turns its old end into a restart.
create table turn_stream (
  agent_id uuid not null,
  turn_id uuid not null,
  ordinal bigint not null check (ordinal > 0),
  audience_person_id uuid,
  kind text not null check (kind in ('delta', 'restart', 'completed', 'skipped', 'dead')),
  text text,
  created_at timestamptz not null,
  primary key (agent_id, turn_id, ordinal),
  foreign key (agent_id, turn_id) references turns,
  foreign key (agent_id, audience_person_id) references people,
  check ((kind = 'delta') = (text is not null))
);
create unique index turn_stream_end on turn_stream (agent_id, turn_id) where kind in ('completed', 'skipped', 'dead');
create index turn_stream_age on turn_stream (created_at);
call hub.protect('turn_stream', has_audience => true);
grant select, insert, update, delete on turn_stream to hub_app, hub_system;

-- One row a call of a model, also of the tries that came to nothing. No content: neither questions nor answers.
create table turn_steps (
  agent_id uuid not null,
  turn_id uuid not null,
  ordinal integer not null check (ordinal between 1 and 100),
  audience_person_id uuid,
  attempt integer not null,
  outcome text not null check (outcome in ('answered', 'called', 'away', 'misconfigured', 'refused', 'malformed')),
  function text check (length(function) <= 64),
  usage jsonb,
  duration_ms integer not null check (duration_ms >= 0),
  created_at timestamptz not null,
  primary key (agent_id, turn_id, ordinal),
  foreign key (agent_id, turn_id) references turns,
  foreign key (agent_id, audience_person_id) references people,
  check (function is null or outcome = 'called')
);
create index turn_steps_newest on turn_steps (created_at desc);
call hub.protect('turn_steps', has_audience => true);
grant select, insert on turn_steps to hub_app, hub_system;

reset role;
reset search_path;
