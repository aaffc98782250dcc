-- Somebody may be known to be there by their voice and by their face. All that says so is kept: where one of them turns out to be wrong,
-- what the others say still stands.
set local role hub_owner;
set local search_path = hub;

alter table presence add column hypothesis_ids uuid[];
alter table presence_history add column hypothesis_ids uuid[];

-- What stands after one was rejected or withdrawn is written into the rows of those who were there.
grant update (modality, consent_id, since, until, hypothesis_id, hypothesis_ids) on presence_history to hub_app, hub_system;

-- As far as it is known: of those who are there, whatever was confirmed and seen since they came; of the past the last that said so.
set local role hub_system;
update presence p set hypothesis_ids = array(select h.id from identity_hypotheses h where h.agent_id = p.agent_id
    and h.person_id = p.person_id and h.space_id = p.space_id and h.state = 'confirmed' and h.last_seen_at >= p.since
  union select p.hypothesis_id);
update presence_history set hypothesis_ids = array_remove(array[hypothesis_id], null);
set local role hub_owner;

alter table presence alter column hypothesis_ids set not null, add check (hypothesis_id = any (hypothesis_ids));
alter table presence_history alter column hypothesis_ids set not null;
-- Looked for among those of a person, who are few.
drop index presence_history_hypothesis;

-- A hub of the version before serves while this is applied, and writes the one only: a room that goes private empties all the same.
create function hub.presence_of_its_own() returns trigger language plpgsql as $$
begin
  new.hypothesis_ids := coalesce(new.hypothesis_ids, '{}');
  if new.hypothesis_id is not null and not new.hypothesis_id = any (new.hypothesis_ids) then
    new.hypothesis_ids := new.hypothesis_ids || new.hypothesis_id;
  end if;
  return new;
end
$$;
create trigger of_its_own before insert or update on presence for each row execute function hub.presence_of_its_own();
create trigger of_its_own before insert or update on presence_history for each row execute function hub.presence_of_its_own();

reset role;
reset search_path;
