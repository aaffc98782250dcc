-- Whoever acts by a delegation talks with the agent by themselves: the words of one are in no other's turn.
set local role hub_owner;
set local search_path = hub;

-- The first delegation of the chain. It stays as long as there is such a talk.
alter table conversations add column delegation_id uuid;
alter table conversations add foreign key (agent_id, delegation_id) references delegations;
alter table conversations drop constraint conversations_agent_id_kind_space_id_audience_person_id_key;
alter table conversations add unique nulls not distinct (agent_id, kind, space_id, audience_person_id, delegation_id);

reset role;
reset search_path;
