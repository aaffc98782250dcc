-- What ends is not kept for ever, and what never was leaves nothing.
set local role hub_owner;
set local search_path = hub;

-- Sign-ins that ended long ago are removed.
grant delete on sign_ins to hub_system;

-- By which hypothesis somebody was there: where it is rejected later, they were not. No reference, for it may be gone before; of what
-- ended before this it is not known.
alter table presence_history add column hypothesis_id uuid;
create index presence_history_hypothesis on presence_history (agent_id, hypothesis_id) where hypothesis_id is not null;

reset role;
reset search_path;
