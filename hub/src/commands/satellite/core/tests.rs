//! The laws of the satellite: nothing accepted twice, nothing done twice, nothing lost.

mod simulation;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::commands::satellite::effects::capabilities;
use crate::satellite::protocol::{
    ClientId, CommandAck, CommandStage, CommandStatus, Discarded, Duplicate, ErrorCode, JsonObject,
    OpenCommand, Welcome,
};

#[test]
fn a_line_is_sent_again_after_reconnecting_with_the_same_client_id() {
    let mut core = Core::new(capabilities(), Vec::new());
    assert_eq!(core.handle(Input::Observed(event("a"))), []);
    let first = sent_ids(&welcome(&mut core, Vec::new()));
    core.handle(Input::Lost);
    core.handle(Input::Observed(event("b")));
    let second = sent_ids(&welcome(&mut core, Vec::new()));
    assert_eq!(
        (first, second),
        (vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
    core.handle(Input::Received(accepted_event("a")));
    let event_id = Uuid::nil();
    let duplicate = HubFrame::Duplicate(Duplicate {
        client_id: client_id("b"),
        event_id,
    });
    core.handle(Input::Received(duplicate));
    assert!(core.is_idle());
    assert_eq!(
        core.tally(),
        Tally {
            accepted: 1,
            duplicate: 1,
            ..Tally::default()
        }
    );
}

#[test]
fn no_more_frames_are_in_flight_than_the_hub_allows() {
    let mut core = Core::new(capabilities(), Vec::new());
    for index in 0..10 {
        core.handle(Input::Observed(event(&index.to_string())));
    }
    let limits = Limits {
        max_batch: 2,
        max_in_flight: 2,
        ..Limits::default()
    };
    let outputs = welcome_with(&mut core, limits, Vec::new());
    assert_eq!(sent_ids(&outputs), ["0", "1", "2", "3"]);
    assert_eq!(core.handle(Input::Received(accepted_event("0"))), []);
    assert_eq!(
        sent_ids(&core.handle(Input::Received(accepted_event("1")))),
        ["4", "5"]
    );
}

#[test]
fn what_the_hub_is_too_busy_for_is_sent_again_and_what_it_refuses_is_not() {
    let mut core = Core::new(capabilities(), Vec::new());
    core.handle(Input::Observed(event("a")));
    welcome(&mut core, Vec::new());
    core.handle(Input::Received(rejected_event("a", ErrorCode::Busy)));
    assert_eq!(sent_ids(&core.handle(Input::Tick)), ["a"]);
    core.handle(Input::Received(rejected_event("a", ErrorCode::Invalid)));
    assert_eq!(core.handle(Input::Tick), []);
    assert!(core.is_idle());
    assert_eq!(core.tally().rejected, 1);
}

#[test]
fn a_line_that_fits_no_frame_is_dropped_and_told() {
    let mut core = Core::new(capabilities(), Vec::new());
    core.handle(Input::Observed(event("a")));
    let limits = Limits {
        max_frame_bytes: 100,
        ..Limits::default()
    };
    let outputs = welcome_with(&mut core, limits, Vec::new());
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Tell(Notice::EventTooLarge { .. })))
    );
    assert!(core.is_idle());
}

#[test]
fn what_is_not_kept_is_counted_and_not_sent_again() {
    let mut core = Core::new(capabilities(), Vec::new());
    core.handle(Input::Observed(event("a")));
    welcome(&mut core, Vec::new());
    let reason = crate::satellite::protocol::DiscardReason::PrivacyMode;
    let discarded = HubFrame::Discarded(Discarded {
        client_id: client_id("a"),
        reason,
    });
    core.handle(Input::Received(discarded));
    assert_eq!(core.tally().discarded, 1);
    assert!(core.is_idle());
}

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
        assert!(
            !outputs
                .iter()
                .any(|output| matches!(output, Output::Execute(_)))
        );
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
    assert_eq!(
        offline,
        [Output::Record(Entry::Finished { result: done(1) })]
    );
    let result = Output::Send(SatelliteFrame::CommandResult(done(1)));
    assert!(welcome(&mut core, vec![open(1)]).contains(&result));
}

#[test]
fn an_open_command_is_started_if_it_never_was_and_unknown_if_nobody_can_say() {
    let journal = vec![
        Entry::Received {
            command: command(1),
        },
        Entry::Received {
            command: command(2),
        },
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
    let cancel =
        HubFrame::CommandCancel(crate::satellite::protocol::CommandCancel { command_id: id(1) });
    assert_eq!(
        results(
            &core.handle(Input::Received(cancel)),
            CommandStatus::Cancelled
        ),
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
        core.handle(Input::Received(accepted_command(
            number,
            CommandStage::Result,
        )));
    }
    assert!(core.journal().len() < 2_100, "{}", core.journal().len());
    assert!(
        core.journal()
            .contains(&Entry::Finished { result: done(0) })
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

fn run_command(core: &mut Core, number: u128) {
    core.handle(Input::Received(HubFrame::Command(command(number))));
    core.handle(Input::Received(accepted_command(number, CommandStage::Ack)));
    core.handle(Input::Executed(done(number)));
}

fn welcome(core: &mut Core, open_commands: Vec<OpenCommand>) -> Vec<Output> {
    welcome_with(core, Limits::default(), open_commands)
}

fn welcome_with(core: &mut Core, limits: Limits, open_commands: Vec<OpenCommand>) -> Vec<Output> {
    let hello = core.handle(Input::Connected);
    assert!(matches!(
        hello[..],
        [Output::Send(SatelliteFrame::Hello(_))]
    ));
    core.handle(Input::Received(HubFrame::Welcome(Welcome {
        device_id: id(0),
        agent_id: id(0),
        device_name: "kitchen".into(),
        limits,
        heartbeat_s: 20,
        resumed: false,
        open_commands,
    })))
}

fn sent_ids(outputs: &[Output]) -> Vec<String> {
    let mut ids = Vec::new();
    for output in outputs {
        match output {
            Output::Send(SatelliteFrame::Event(event)) => ids.push(event.client_id.to_string()),
            Output::Send(SatelliteFrame::Events(batch)) => {
                ids.extend(
                    batch
                        .events
                        .iter()
                        .flatten()
                        .map(|event| event.client_id.to_string()),
                );
            }
            _ => {}
        }
    }
    ids
}

fn results(outputs: &[Output], status: CommandStatus) -> Vec<Uuid> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send(SatelliteFrame::CommandResult(result)) if result.status == status => {
                Some(result.command_id)
            }
            _ => None,
        })
        .collect()
}

fn event(client: &str) -> NewEvent {
    NewEvent {
        client_id: client_id(client),
        event_type: "transcript".into(),
        payload: JsonObject::new(),
        occurred_at: None,
    }
}

fn command(number: u128) -> Command {
    Command {
        command_id: id(number),
        seq: i64::try_from(number).unwrap(),
        kind: "echo".into(),
        arguments: JsonObject::new(),
        deadline_at: chrono::DateTime::UNIX_EPOCH,
        attempt: 1,
    }
}

fn open(number: u128) -> OpenCommand {
    OpenCommand {
        command_id: id(number),
        kind: "echo".into(),
        seq: 0,
    }
}

fn done(number: u128) -> CommandResult {
    CommandResult {
        command_id: id(number),
        status: CommandStatus::Ok,
        result: Some(json!({})),
        error: None,
    }
}

fn ack(number: u128) -> Output {
    Output::Send(SatelliteFrame::CommandAck(CommandAck {
        command_id: id(number),
    }))
}

fn accepted_event(client: &str) -> HubFrame {
    let client_id = client_id(client);
    HubFrame::Accepted(Accepted::Event {
        client_id,
        event_id: id(0),
        position: 1,
    })
}

fn accepted_command(number: u128, of: CommandStage) -> HubFrame {
    HubFrame::Accepted(Accepted::Command {
        command_id: id(number),
        of,
    })
}

fn rejected_event(client: &str, code: ErrorCode) -> HubFrame {
    rejected(
        Subject::Event {
            client_id: client_id(client),
        },
        code,
    )
}

fn rejected(subject: Subject, code: ErrorCode) -> HubFrame {
    HubFrame::Rejected(Rejected {
        subject,
        code,
        detail: "no".into(),
        errors: Vec::new(),
    })
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn client_id(text: &str) -> ClientId {
    text.to_owned().try_into().unwrap()
}
