//! The laws of the satellite: nothing accepted twice, nothing done twice, nothing lost.

mod commands;
mod events;
mod renewal;
mod simulation;
mod state;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::protocol::{
    ClientId, CommandAck, CommandStage, CommandStatus, Duplicate, ErrorCode, OpenCommand, Welcome,
};

fn software() -> Software {
    Software {
        name: "a test".into(),
        version: "1".into(),
    }
}

fn capabilities() -> Vec<Capability> {
    vec![Capability {
        kind: "display.show".into(),
        arguments_schema: None,
    }]
}

fn run_command(machine: &mut Machine, number: u128) {
    machine.handle(Input::Received(HubFrame::Command(command(number))));
    machine.handle(Input::Received(accepted_command(number, CommandStage::Ack)));
    machine.handle(Input::Executed(done(number)));
}

fn welcome(machine: &mut Machine, open_commands: Vec<OpenCommand>) -> Vec<Output> {
    welcome_with(machine, Limits::default(), open_commands)
}

fn welcome_with(machine: &mut Machine, limits: Limits, open_commands: Vec<OpenCommand>) -> Vec<Output> {
    let hello = machine.handle(Input::Connected);
    assert!(matches!(hello[..], [Output::Send(SatelliteFrame::Hello(_))]));
    machine.handle(Input::Received(HubFrame::Welcome(Welcome {
        device_id: id(0),
        agent_id: id(0),
        device_name: "kitchen".into(),
        limits,
        heartbeat_s: 20,
        resumed: false,
        open_commands,
        waiting_capabilities: Vec::new(),
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
