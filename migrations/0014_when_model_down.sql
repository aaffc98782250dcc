-- What happens to an agent's turns while its model is away is its owner's to choose. Null: the owner has not chosen, and the
-- hub's configuration says; so a hub that was configured goes on as it was.
set local role hub_owner;
set local search_path = hub;

alter table agents add column when_model_down text check (when_model_down in ('wait', 'offline'));

reset role;
reset search_path;
