-- What the audit log says of a file is a commitment, as of all that people made: a plain hash of a short text could be guessed at after
-- the text is forgotten. The salt lives in the row, and dies with the file.
set local role hub_owner;
set local search_path = hub;

-- Of what is there, and of what a hub of the version before announces while this one comes up: 244 random bits.
alter table artifacts
  add column salt bytea default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
  add check (length(salt) = 32),
  -- What was deleted has neither; a hub of the version before leaves both for the day until the row goes.
  alter column sha256 drop not null,
  add check (state = 'deleted' or (salt is not null and sha256 is not null));
-- No samples of it in the catalogue.
alter table artifacts alter column salt set statistics 0;
grant update (sha256, salt) on artifacts to hub_app, hub_system;

reset role;
reset search_path;
