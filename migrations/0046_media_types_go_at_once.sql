-- What somebody called the kind of a file goes with its name, when it is deleted: a media type has room for words.
set local role hub_owner;
set local search_path = hub;

grant update (media_type) on artifacts to hub_app, hub_system;

reset role;
reset search_path;
