//! Nothing is done twice, and no result is lost.

use super::*;
use crate::satellite::protocol::CommandCancel;

#[test]
fn a_command_is_acknowledged_first_and_started_when_that_is_recorded() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    let command = command(1);
    let outputs = core.handle(Input::Received(HubFrame::Command(command.clone())));
    assert_eq!(
        outputs,
        [
            Output::Record(Entry::Received {
                command: command.clone()
            }),
            ack(1)
        ]
    );
    assert_eq!(
        core.handle(Input::Received(accepted_command(1, CommandStage::Ack))),
        [
            Output::Record(Entry::Started { command_id: id(1) }),
            Output::Execute(command),
        ]
    );
    let result = done(1);
    assert_eq!(
        core.handle(Input::Executed(result.clone())),
        [
            Output::Record(Entry::Finished {
                result: result.clone()
            }),
            Output::Send(SatelliteFrame::CommandResult(result)),
        ]
    );
}

#[test]
fn a_redelivered_command_is_answered_and_not_done_again_also_after_a_restart() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    run_command(&mut core, 1);
    core.handle(Input::Received(accepted_command(1, CommandStage::Result)));
    let mut restarted = Core::new(capabilities(), core.journal());
    for core in [&mut core, &mut restarted] {
        core.handle(Input::Lost);
        welcome(core, Vec::new());
        let outputs = core.handle(Input::Received(HubFrame::Command(command(1))));
        assert!(!outputs.iter().any(|output| matches!(output, Output::Execute(_))));
        assert!(outputs.contains(&Output::Send(SatelliteFrame::CommandResult(done(1)))));
    }
}

#[test]
fn a_result_is_sent_after_every_welcome_until_it_is_accepted() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    run_command(&mut core, 1);
    let result = Output::Send(SatelliteFrame::CommandResult(done(1)));
    for _ in 0..3 {
        core.handle(Input::Lost);
        assert!(welcome(&mut core, Vec::new()).contains(&result));
        assert!(!core.is_idle());
    }
    core.handle(Input::Received(accepted_command(1, CommandStage::Result)));
    assert!(core.is_idle());
    core.handle(Input::Lost);
    assert!(!welcome(&mut core, Vec::new()).contains(&result));
}

#[test]
fn a_command_that_ended_while_the_hub_was_away_reports_when_it_is_back() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    core.handle(Input::Received(HubFrame::Command(command(1))));
    core.handle(Input::Received(accepted_command(1, CommandStage::Ack)));
    core.handle(Input::Lost);
    let offline = core.handle(Input::Executed(done(1)));
    assert_eq!(offline, [Output::Record(Entry::Finished { result: done(1) })]);
    let result = Output::Send(SatelliteFrame::CommandResult(done(1)));
    assert!(welcome(&mut core, vec![open(1)]).contains(&result));
}

#[test]
fn an_open_command_is_started_if_it_never_was_and_unknown_if_nobody_can_say() {
    let journal = vec![
        Entry::Received { command: command(1) },
        Entry::Received { command: command(2) },
        Entry::Started { command_id: id(2) },
    ];
    let mut core = Core::new(capabilities(), journal);
    let outputs = welcome(&mut core, vec![open(1), open(2), open(3)]);
    let executed: Vec<_> = outputs
        .iter()
        .filter(|output| matches!(output, Output::Execute(_)))
        .collect();
    assert_eq!(executed, [&Output::Execute(command(1))]);
    let unknown: Vec<Uuid> = results(&outputs, CommandStatus::Unknown);
    assert_eq!(unknown, [id(2), id(3)]);
}

#[test]
fn a_cancelled_command_is_not_started_even_when_it_comes_later() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    let cancel = HubFrame::CommandCancel(CommandCancel { command_id: id(1) });
    assert_eq!(
        results(&core.handle(Input::Received(cancel)), CommandStatus::Cancelled),
        [id(1)]
    );
    let outputs = core.handle(Input::Received(HubFrame::Command(command(1))));
    assert_eq!(results(&outputs, CommandStatus::Cancelled), [id(1)]);
    assert_eq!(
        core.handle(Input::Received(accepted_command(1, CommandStage::Ack))),
        []
    );
}

#[test]
fn a_refused_acknowledgement_means_that_the_command_is_not_started() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    core.handle(Input::Received(HubFrame::Command(command(1))));
    let subject = Subject::Command {
        command_id: id(1),
        of: CommandStage::Ack,
    };
    core.handle(Input::Received(rejected(subject, ErrorCode::Conflict)));
    assert_eq!(
        core.handle(Input::Received(accepted_command(1, CommandStage::Ack))),
        []
    );
    assert_eq!(core.journal(), []);
}

#[test]
fn old_settled_commands_are_forgotten_and_open_ones_are_not() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    run_command(&mut core, 0);
    for number in 1..3_000 {
        run_command(&mut core, number);
        core.handle(Input::Received(accepted_command(number, CommandStage::Result)));
    }
    assert!(core.journal().len() < 2_100, "{}", core.journal().len());
    assert!(core.journal().contains(&Entry::Finished { result: done(0) }));
}

#[test]
fn thousands_of_commands_at_once_are_all_done() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    for number in 0..3_000 {
        core.handle(Input::Received(HubFrame::Command(command(number))));
    }
    for number in 0..3_000 {
        let started = core.handle(Input::Received(accepted_command(number, CommandStage::Ack)));
        assert_eq!(started[1], Output::Execute(command(number)));
    }
}

#[test]
fn what_was_received_is_known_as_never_started_however_late_the_hub_asks() {
    let journal = vec![Entry::Received { command: command(1) }];
    let mut core = Core::new(capabilities(), journal);
    welcome(&mut core, Vec::new());
    // Nobody waits for it.
    assert!(core.is_idle());
    let mut core = Core::new(capabilities(), core.journal());
    welcome(&mut core, Vec::new());
    core.handle(Input::Lost);
    assert!(welcome(&mut core, vec![open(1)]).contains(&Output::Execute(command(1))));
    // Or, had it come again:
    let mut core = Core::new(capabilities(), vec![Entry::Received { command: command(1) }]);
    welcome(&mut core, Vec::new());
    assert_eq!(
        core.handle(Input::Received(HubFrame::Command(command(1)))),
        [ack(1)]
    );
}

#[test]
fn a_result_larger_than_a_frame_becomes_one_that_says_so() {
    let mut core = Core::new(capabilities(), Vec::new());
    welcome(&mut core, Vec::new());
    core.handle(Input::Received(HubFrame::Command(command(1))));
    core.handle(Input::Received(accepted_command(1, CommandStage::Ack)));
    let result = CommandResult {
        result: Some(json!("x".repeat(300_000))),
        ..done(1)
    };
    assert_eq!(
        results(&core.handle(Input::Executed(result)), CommandStatus::Error),
        [id(1)]
    );
}
