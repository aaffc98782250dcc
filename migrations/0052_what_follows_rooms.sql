-- More of what hangs on something in a space goes with it, for whoever is limited to some: what turns ran on and wanted to remember, what
-- people decided and what was tried, what was delivered, what devices say of themselves, and what was seen.
set local role hub_owner;
set local search_path = hub;

call hub.follow_spaces('turn_inputs', 'turns', 'turn_id');
call hub.follow_spaces('memory_candidates', 'turns', 'turn_id');
call hub.follow_spaces('memory_sources', 'memory_candidates', 'candidate_id');
call hub.follow_spaces('memory_consents', 'memory_candidates', 'candidate_id');
call hub.follow_spaces('action_decisions', 'actions', 'action_id');
call hub.follow_spaces('action_attempts', 'actions', 'action_id');
call hub.follow_spaces('deliveries', 'commands', 'command_id');
call hub.follow_spaces('device_connections', 'devices', 'device_id');
call hub.follow_spaces('device_shadows', 'devices', 'device_id');
call hub.follow_spaces('recognition_observations', 'identity_hypotheses', 'hypothesis_id');

reset role;
reset search_path;
