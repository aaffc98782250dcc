-- A command says which user sent it, so that nobody fills a device's mailbox alone; and what people sent goes in the end.
set local role hub_owner;
set local search_path = hub;

-- None: the hub's own, as replies and what actions do are.
alter table commands add column sent_by uuid references users;
-- No row has a sender yet: making these takes one look at the table.
create index commands_open_by_sender on commands (agent_id, device_id, sent_by)
  where sent_by is not null and state in ('queued', 'sent', 'acknowledged');
create index commands_sent_age on commands (finished_at) where sent_by is not null;
-- Only what people sent has no delivery and no attempt that refers to it.
grant delete on commands to hub_system;

reset role;
reset search_path;
