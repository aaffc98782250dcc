-- Whoever made a file for themself alone may give it to the household, as they may a memory.
set local role hub_owner;
set local search_path = hub;

grant update (audience_person_id) on artifacts to hub_app;

reset role;
reset search_path;
