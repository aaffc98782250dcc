-- An action carries how far what proposed it may be believed, so that its words are not read as the household's own; and an
-- artifact says who announced it, so that unfinished uploads are bounded for each who makes them, seen by others or not.
set local role hub_owner;
set local search_path = hub;

-- Of what was proposed before, or is by a hub of the version before while this one comes up, nobody knows.
alter table actions add column trust text not null default 'outside'
  check (trust in ('owner', 'household', 'guest', 'outside'));

-- None: announced before, which a day ends.
alter table artifacts
  add column made_by_kind text check (made_by_kind in ('user', 'device')),
  add column made_by uuid,
  add check ((made_by is null) = (made_by_kind is null));

reset role;
reset search_path;
