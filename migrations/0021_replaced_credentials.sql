-- A credential that a person replaced has no successor: its device, or whoever has it, could undo the rotation by renewing it
-- while it still lives. One that its device renewed can be renewed again, for the answer may have been lost.
set local role hub_owner;
set local search_path = hub;

-- When a person replaced it. It lives on until its end all the same.
alter table access_tokens add column replaced_at timestamptz;

reset role;
reset search_path;
