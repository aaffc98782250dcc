-- What followed from what, across processes: a job, an action and a command carry the trace context (W3C `traceparent`, 55
-- characters) of what caused them, so that whoever goes on with it, also after a kill, joins the same trace. Null: traces were
-- off. A varchar, for a check would read the whole table under a lock.
set local role hub_owner;
set local search_path = hub;

alter table jobs add column trace_context varchar(55);
alter table actions add column trace_context varchar(55);
alter table commands add column trace_context varchar(55);

reset role;
reset search_path;
