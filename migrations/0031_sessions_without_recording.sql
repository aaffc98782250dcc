-- A session can be switched off: nothing of it is kept from then on. It is a column of the session, as the privacy mode is one of
-- the space, so that whoever appends reads both in one statement. Nobody is switched on by a default that was forgotten: what was
-- there before was recorded.
set local role hub_owner;
set local search_path = hub;

alter table sessions add column is_recorded boolean not null default true;

reset role;
reset search_path;
