-- In what is remembered may be the words of several people, each by a grant of their own. All of these are written down, and what was
-- remembered goes with the withdrawal of any. Of a turn that is told who is there the grants are written down beside the people.
set local role hub_owner;
set local search_path = hub;

-- By which grants something was remembered. One of them stands in the `consent_id` of the candidate and its memory, too, as it did
-- before this table was there: a hub of before asks for that only, and serves while this is applied.
create table memory_consents (
  agent_id uuid not null,
  candidate_id uuid not null,
  consent_id uuid not null,
  primary key (agent_id, candidate_id, consent_id),
  foreign key (agent_id, candidate_id) references memory_candidates on delete cascade,
  foreign key (agent_id, consent_id) references consents
);
create index memory_consents_consent on memory_consents (agent_id, consent_id);
call hub.protect('memory_consents');
grant select, insert on memory_consents to hub_app, hub_system;

-- Null: from before this was written down.
alter table turns add column read_consent_ids uuid[];

reset role;
reset search_path;
