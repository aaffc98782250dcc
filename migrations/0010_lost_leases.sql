-- A job that kills its process never gets to say that it failed. How often its lease ended in somebody's hands is counted
-- here, so that it is given up like any other that fails too often.
set local role hub_owner;
set local search_path = hub;

alter table jobs add column lost_leases integer not null default 0;

reset role;
reset search_path;
