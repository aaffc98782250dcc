//! Nothing is done twice, and no result is lost.

use super::*;
use crate::protocol::CommandCancel;

#[test]
fn a_command_is_acknowledged_first_and_started_when_that_is_recorded() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    let command = command(1);
    let outputs = machine.handle(Input::Received(HubFrame::Command(command.clone())));
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
        machine.handle(Input::Received(accepted_command(1, CommandStage::Ack))),
        [Output::Execute(command)]
    );
    assert_eq!(
        machine.handle(Input::Begun(id(1))),
        [Output::Record(Entry::Started { command_id: id(1) })]
    );
    let result = done(1);
    assert_eq!(
        machine.handle(Input::Executed(result.clone())),
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
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    run_command(&mut machine, 1);
    machine.handle(Input::Received(accepted_command(1, CommandStage::Result)));
    let mut restarted = Machine::new(software(), capabilities(), machine.journal());
    for machine in [&mut machine, &mut restarted] {
        machine.handle(Input::Lost);
        welcome(machine, Vec::new());
        let outputs = machine.handle(Input::Received(HubFrame::Command(command(1))));
        assert!(!outputs.iter().any(|output| matches!(output, Output::Execute(_))));
        assert!(outputs.contains(&Output::Send(SatelliteFrame::CommandResult(done(1)))));
    }
}

#[test]
fn a_result_is_sent_after_every_welcome_until_it_is_accepted() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    run_command(&mut machine, 1);
    let result = Output::Send(SatelliteFrame::CommandResult(done(1)));
    for _ in 0..3 {
        machine.handle(Input::Lost);
        assert!(welcome(&mut machine, Vec::new()).contains(&result));
        assert!(!machine.is_idle());
    }
    machine.handle(Input::Received(accepted_command(1, CommandStage::Result)));
    assert!(machine.is_idle());
    machine.handle(Input::Lost);
    assert!(!welcome(&mut machine, Vec::new()).contains(&result));
}

#[test]
fn a_command_that_ended_while_the_hub_was_away_reports_when_it_is_back() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    machine.handle(Input::Received(HubFrame::Command(command(1))));
    machine.handle(Input::Received(accepted_command(1, CommandStage::Ack)));
    machine.handle(Input::Begun(id(1)));
    machine.handle(Input::Lost);
    let offline = machine.handle(Input::Executed(done(1)));
    assert_eq!(offline, [Output::Record(Entry::Finished { result: done(1) })]);
    let result = Output::Send(SatelliteFrame::CommandResult(done(1)));
    assert!(welcome(&mut machine, vec![open(1)]).contains(&result));
}

#[test]
fn an_open_command_is_started_if_it_never_was_and_unknown_if_nobody_can_say() {
    let journal = vec![
        Entry::Received { command: command(1) },
        Entry::Received { command: command(2) },
        Entry::Started { command_id: id(2) },
    ];
    let mut machine = Machine::new(software(), capabilities(), journal);
    let outputs = welcome(&mut machine, vec![open(1), open(2), open(3)]);
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
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    let cancel = HubFrame::CommandCancel(CommandCancel { command_id: id(1) });
    assert_eq!(
        results(&machine.handle(Input::Received(cancel)), CommandStatus::Cancelled),
        [id(1)]
    );
    let outputs = machine.handle(Input::Received(HubFrame::Command(command(1))));
    assert_eq!(results(&outputs, CommandStatus::Cancelled), [id(1)]);
    assert_eq!(
        machine.handle(Input::Received(accepted_command(1, CommandStage::Ack))),
        []
    );
}

#[test]
fn a_refused_acknowledgement_means_that_the_command_is_not_started() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    machine.handle(Input::Received(HubFrame::Command(command(1))));
    let subject = Subject::Command {
        command_id: id(1),
        of: CommandStage::Ack,
    };
    machine.handle(Input::Received(rejected(subject, ErrorCode::Conflict)));
    assert_eq!(
        machine.handle(Input::Received(accepted_command(1, CommandStage::Ack))),
        []
    );
    assert_eq!(machine.journal(), []);
}

#[test]
fn old_settled_commands_are_forgotten_and_open_ones_are_not() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    run_command(&mut machine, 0);
    for number in 1..3_000 {
        run_command(&mut machine, number);
        machine.handle(Input::Received(accepted_command(number, CommandStage::Result)));
    }
    assert!(machine.journal().len() < 2_100, "{}", machine.journal().len());
    assert!(machine.journal().contains(&Entry::Finished { result: done(0) }));
}

#[test]
fn thousands_of_commands_at_once_are_all_done() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    for number in 0..3_000 {
        machine.handle(Input::Received(HubFrame::Command(command(number))));
    }
    for number in 0..3_000 {
        let started = machine.handle(Input::Received(accepted_command(number, CommandStage::Ack)));
        assert_eq!(started, [Output::Execute(command(number))]);
    }
}

#[test]
fn what_was_received_is_known_as_never_started_however_late_the_hub_asks() {
    let journal = vec![Entry::Received { command: command(1) }];
    let mut machine = Machine::new(software(), capabilities(), journal);
    welcome(&mut machine, Vec::new());
    // Nobody waits for it.
    assert!(machine.is_idle());
    let mut machine = Machine::new(software(), capabilities(), machine.journal());
    welcome(&mut machine, Vec::new());
    machine.handle(Input::Lost);
    assert!(welcome(&mut machine, vec![open(1)]).contains(&Output::Execute(command(1))));
    // Or, had it come again:
    let mut machine = Machine::new(
        software(),
        capabilities(),
        vec![Entry::Received { command: command(1) }],
    );
    welcome(&mut machine, Vec::new());
    assert_eq!(
        machine.handle(Input::Received(HubFrame::Command(command(1)))),
        [ack(1)]
    );
}

#[test]
fn what_the_hub_would_refuse_of_a_result_is_left_out_and_how_it_ended_is_not() {
    let tell = |result: CommandResult| {
        let mut machine = ready();
        machine.handle(Input::Begun(id(1)));
        let outputs = machine.handle(Input::Executed(result));
        let told = outputs.into_iter().find_map(|output| match output {
            Output::Send(SatelliteFrame::CommandResult(told)) => Some(told),
            _ => None,
        });
        told.unwrap()
    };
    let given = |value: serde_json::Value| CommandResult {
        result: Some(value),
        ..done(1)
    };
    let told = tell(given(json!("x".repeat(70_000))));
    assert_eq!(
        (told.status, &told.result.unwrap()["bytes"]),
        (CommandStatus::Ok, &json!(70_002))
    );
    let told = tell(given(json!({"a\0": ["\0b", 1]})));
    assert_eq!(told, given(json!({"a\u{fffd}": ["\u{fffd}b", 1]})));
    let message = "\0".repeat(90_000);
    let told = tell(CommandResult::failed(
        id(1),
        CommandStatus::Unknown,
        "broken",
        &message,
    ));
    let error = told.error.unwrap();
    assert_eq!(
        (told.status, error.code.as_str()),
        (CommandStatus::Unknown, "broken")
    );
    assert_eq!(error.message.chars().count(), 4_001);
    assert!(!error.message.contains('\0'));
}

/// A satellite that may begin a command.
fn ready() -> Machine {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    machine.handle(Input::Received(HubFrame::Command(command(1))));
    machine.handle(Input::Received(accepted_command(1, CommandStage::Ack)));
    machine
}

fn cancel(machine: &mut Machine) -> Vec<Output> {
    let cancel = HubFrame::CommandCancel(CommandCancel { command_id: id(1) });
    machine.handle(Input::Received(cancel))
}

#[test]
fn a_command_that_waits_to_be_begun_is_over_when_it_is_cancelled() {
    let mut machine = ready();
    let outputs = cancel(&mut machine);
    assert_eq!(results(&outputs, CommandStatus::Cancelled), [id(1)]);
    assert!(outputs.contains(&Output::Stop(id(1))));
    assert_eq!(
        machine.handle(Input::Begun(id(1))),
        [],
        "it is not wanted any more"
    );
    assert_eq!(machine.handle(Input::Executed(done(1))), [], "its end was said");
}

#[test]
fn a_command_that_runs_is_asked_to_stop_and_says_itself_what_came_of_it() {
    let mut machine = ready();
    machine.handle(Input::Begun(id(1)));
    assert_eq!(cancel(&mut machine), [Output::Stop(id(1))]);
    let outputs = machine.handle(Input::Executed(done(1)));
    assert_eq!(results(&outputs, CommandStatus::Ok), [id(1)]);
    // Cancelled once more it says the same.
    assert_eq!(results(&cancel(&mut machine), CommandStatus::Ok), [id(1)]);
}

#[test]
fn a_command_is_begun_once_and_one_that_was_not_is_never_unknown() {
    let mut machine = ready();
    let mut restarted = Machine::new(software(), capabilities(), machine.journal());
    assert!(welcome(&mut restarted, vec![open(1)]).contains(&Output::Execute(command(1))));
    // The hub gave it up while it waited.
    machine.handle(Input::Lost);
    welcome(&mut machine, Vec::new());
    assert_eq!(machine.handle(Input::Begun(id(1))), []);
    assert_eq!(restarted.handle(Input::Begun(id(1))).len(), 1);
    assert_eq!(restarted.handle(Input::Begun(id(1))), []);
}

#[test]
fn a_sign_of_life_is_sent_of_what_is_not_over_and_only_to_a_hub_that_listens() {
    let mut machine = ready();
    let progress = CommandProgress {
        command_id: id(1),
        percent: None,
        note: None,
    };
    let sent = vec![Output::Send(SatelliteFrame::CommandProgress(progress.clone()))];
    assert_eq!(machine.handle(Input::Progressed(progress.clone())), sent);
    machine.handle(Input::Begun(id(1)));
    assert_eq!(machine.handle(Input::Progressed(progress.clone())), sent);
    machine.handle(Input::Lost);
    assert_eq!(machine.handle(Input::Progressed(progress.clone())), []);
    welcome(&mut machine, vec![open(1)]);
    machine.handle(Input::Executed(done(1)));
    assert_eq!(machine.handle(Input::Progressed(progress)), []);
}

/// Somebody may have given it up meanwhile, and asked for it anew.
#[test]
fn what_waits_is_not_begun_while_the_hub_is_away() {
    let mut machine = Machine::new(software(), capabilities(), Vec::new());
    welcome(&mut machine, Vec::new());
    for number in [1, 2] {
        machine.handle(Input::Received(HubFrame::Command(command(number))));
        machine.handle(Input::Received(accepted_command(number, CommandStage::Ack)));
    }
    machine.handle(Input::Lost);
    assert_eq!(machine.handle(Input::Begun(id(1))), []);
    machine.handle(Input::Connected);
    // The second one has ended as far as the hub knows.
    let outputs = welcome(&mut machine, vec![open(1)]);
    let to_do = |output: &&Output| matches!(output, Output::Execute(_));
    let to_do: Vec<&Output> = outputs.iter().filter(to_do).collect();
    assert_eq!(to_do, [&Output::Execute(command(1))]);
    assert_eq!(machine.handle(Input::Begun(id(2))), []);
    assert_eq!(
        machine.handle(Input::Begun(id(1))),
        [Output::Record(Entry::Started { command_id: id(1) })]
    );
}

#[test]
fn what_waits_is_given_up_when_the_hub_says_that_it_has_ended() {
    let refused = |code| {
        Input::Received(HubFrame::Rejected(Rejected {
            subject: Subject::Command {
                command_id: id(1),
                of: CommandStage::Progress,
            },
            code,
            detail: "the command is unknown: do not begin it".into(),
            errors: Vec::new(),
        }))
    };
    for code in [ErrorCode::Conflict, ErrorCode::NotFound] {
        let mut machine = ready();
        let outputs = machine.handle(refused(code));
        assert!(outputs.contains(&Output::Stop(id(1))), "{outputs:?}");
        assert_eq!(machine.handle(Input::Begun(id(1))), []);
    }
    // A note that is too long says nothing of the command.
    let mut machine = ready();
    machine.handle(refused(ErrorCode::Invalid));
    assert_eq!(machine.handle(Input::Begun(id(1))).len(), 1);
}
