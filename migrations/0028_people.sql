-- People whom the agent knows, with or without a login: what else they are called, and what they are to the household. A person
-- who was merged into another leaves a redirect; one who was forgotten leaves their id.
set local role hub_owner;
set local search_path = hub;

alter table people
  alter column name drop not null,
  add column aliases text[] not null default '{}' check (cardinality(aliases) <= 20),
  add column relationship text check (length(relationship) between 1 and 500),
  add column updated_at timestamptz,
  add column merged_into uuid,
  add column merged_at timestamptz,
  add column forgotten_at timestamptz,
  add foreign key (agent_id, merged_into) references people,
  add check ((merged_into is null) = (merged_at is null)),
  -- Who was merged or forgotten has no name any more, and nothing else that says who it was.
  add check ((name is null) = (merged_at is not null or forgotten_at is not null)),
  add check (name is not null or (cardinality(aliases) = 0 and relationship is null));

-- The login of somebody goes with them when two turn out to be one.
grant update (person_id) on person_accounts to hub_app, hub_system;

reset role;
reset search_path;
