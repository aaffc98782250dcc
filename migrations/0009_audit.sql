-- The record of every operation. Entries are written in the operation's own transaction and never updated; the sequencer
-- then gives each its place in the one log, its hash chain per agent, and the signed head of the tree (DESIGN 14).
set local role hub_owner;
set local search_path = hub;

create table audit_entries (
  agent_id uuid not null,
  id uuid not null,
  agent_seq bigint not null check (agent_seq > 0),
  recorded_at timestamptz not null,
  operation text not null,
  body text not null check (octet_length(body) <= 32768), -- canonical JSON (RFC 8785), byte for byte what is hashed
  primary key (agent_id, id)
);
create unique index audit_entries_seq on audit_entries (agent_id, agent_seq);
call hub.protect('audit_entries');
grant select, insert on audit_entries to hub_app, hub_system;

create table audit_sequence (
  log_index bigint primary key check (log_index >= 0),
  agent_id uuid not null,
  agent_seq bigint not null,
  entry_id uuid not null,
  prev_hash bytea not null check (length(prev_hash) = 32),
  hash bytea not null check (length(hash) = 32),
  foreign key (agent_id, entry_id) references audit_entries,
  unique (agent_id, agent_seq)
);
call hub.protect('audit_sequence');
grant select on audit_sequence to hub_app;
grant select, insert on audit_sequence to hub_system;

-- How far each agent's entries have been sequenced, and the hash its chain ends with.
create table audit_chains (
  agent_id uuid primary key,
  agent_seq bigint not null,
  hash bytea not null check (length(hash) = 32)
) with (fillfactor = 50);
call hub.protect('audit_chains');
grant select, insert, update on audit_chains to hub_system;

-- One row, locked by whoever sequences: the tree and its signed head.
create table sequencer_state (
  id boolean primary key default true check (id),
  tree_size bigint not null check (tree_size >= 0),
  frontier bytea not null, -- hashes of the perfect subtrees on the right edge, 32 bytes each, largest first
  note text, -- the checkpoint of just this tree
  check ((tree_size = 0) = (note is null))
);
insert into sequencer_state (tree_size, frontier) values (0, '');
grant select, update on sequencer_state to hub_system;

-- Signed heads kept for good: those that were published, and one every few thousand entries. The newest of all is in
-- sequencer_state, which changes ten times a second in a busy hub.
create table audit_checkpoints (
  tree_size bigint primary key check (tree_size > 0),
  root bytea not null check (length(root) = 32),
  note text not null,
  signed_at timestamptz not null
);
grant select, insert on audit_checkpoints to hub_system;

-- One row: how much of the log the store holds whole, and who is writing to it now. Apart from sequencer_state, so that
-- nobody who signs waits for the store.
create table publisher_state (
  id boolean primary key default true check (id),
  published_size bigint not null check (published_size >= 0),
  leased_by uuid,
  lease_until timestamptz
);
insert into publisher_state (published_size) values (0);
grant select, update on publisher_state to hub_system;

create table settings (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz not null
);
grant select, insert, update on settings to hub_system;

reset role;
reset search_path;
