//! What a frame from a greeted satellite means: the state machine, without I/O.

use super::{
    protocol::{
        ClientId, CloseReason, CommandResult, CommandStage, CommandStatus, ErrorCode, ErrorNotice,
        FrameError, HubFrame, NewEvent, Pong, SatelliteFrame, Subject,
    },
    wanted::Wanted,
};
use crate::{
    devices::report::Report,
    events::ingest::Inbound,
    identity::Scope,
    ids::CommandId,
    mailbox::{CommandState, finish::Answer},
};

/// What to do about a frame.
#[derive(Debug)]
pub enum Step {
    /// Answer at once.
    Answer(Vec<HubFrame>),
    /// Do this, then answer.
    Do(Operation),
    /// Begin or end a subscription.
    Watch(Watching),
    /// Close the socket.
    Close(CloseReason, ErrorNotice),
}

/// What is asked about a subscription.
#[derive(Debug)]
pub enum Watching {
    /// Begin this one.
    Begin(Wanted),
    /// End the one of this name.
    End(ClientId),
}

/// What a satellite asks of the hub, with the scope it needs.
#[derive(Debug)]
pub enum Operation {
    /// Take these events in. Items that could not be read keep their place as answers.
    Ingest(Vec<Result<Inbound, Box<HubFrame>>>),
    /// It has the command.
    Acknowledge(CommandId),
    /// How far it is.
    Progress {
        /// The command.
        command: CommandId,
        /// 0 to 100.
        percent: Option<u8>,
        /// For people.
        note: Option<String>,
    },
    /// What came of it.
    Finish(CommandId, Answer),
    /// What the device is like, by the name that it gave this report.
    Report(ClientId, Report),
    /// A new credential.
    Renew,
}

impl Operation {
    /// The scope that it needs; none: whoever was greeted may.
    #[must_use]
    pub const fn scope(&self) -> Option<Scope> {
        match self {
            Self::Ingest(_) => Some(Scope::EventsWrite),
            Self::Acknowledge(_) | Self::Progress { .. } | Self::Finish(..) => Some(Scope::CommandsReceive),
            Self::Report(..) => Some(Scope::StateWrite),
            Self::Renew => None,
        }
    }

    /// What the audit log calls it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "append_events",
            Self::Acknowledge(_) => "acknowledge_command",
            Self::Progress { .. } => "report_command_progress",
            Self::Finish(..) => "finish_command",
            Self::Report(..) => "report_state",
            Self::Renew => "renew_credential",
        }
    }

    /// What an answer to it is about; none for a batch, which answers item by item, and for what is about the device.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let (command, of) = match self {
            Self::Ingest(_) | Self::Renew => return None,
            Self::Report(report_id, _) => {
                return Some(Subject::Report {
                    report_id: report_id.clone(),
                });
            }
            Self::Acknowledge(command) => (command, CommandStage::Ack),
            Self::Progress { command, .. } => (command, CommandStage::Progress),
            Self::Finish(command, _) => (command, CommandStage::Result),
        };
        Some(Subject::Command {
            command_id: command.0,
            of,
        })
    }
}

/// Reads a frame of a greeted satellite.
#[must_use]
pub fn step(text: &str) -> Step {
    match SatelliteFrame::decode(text) {
        Ok(SatelliteFrame::Hello(_)) => {
            let notice = ErrorNotice {
                code: ErrorCode::Malformed,
                detail: "hello was said already".to_owned(),
                errors: Vec::new(),
            };
            Step::Close(CloseReason::ProtocolError, notice)
        }
        Ok(SatelliteFrame::Event(event)) => Step::Do(Operation::Ingest(vec![Ok(inbound(event))])),
        Ok(SatelliteFrame::Events(batch)) => {
            let items = batch
                .events
                .into_iter()
                .map(|item| item.map(inbound).map_err(unreadable));
            Step::Do(Operation::Ingest(items.collect()))
        }
        Ok(SatelliteFrame::CommandAck(ack)) => Step::Do(Operation::Acknowledge(CommandId(ack.command_id))),
        Ok(SatelliteFrame::CommandProgress(said)) => {
            let command = CommandId(said.command_id);
            Step::Do(Operation::Progress {
                command,
                percent: said.percent,
                note: said.note,
            })
        }
        Ok(SatelliteFrame::CommandResult(said)) => {
            let command = CommandId(said.command_id);
            Step::Do(Operation::Finish(command, answer(said)))
        }
        Ok(SatelliteFrame::Report(said)) => {
            let report = Report {
                state: said.state,
                is_whole: said.whole,
                reached: said.reached,
            };
            Step::Do(Operation::Report(said.report_id, report))
        }
        Ok(SatelliteFrame::Renew(_)) => Step::Do(Operation::Renew),
        Ok(SatelliteFrame::Ping(ping)) => Step::Answer(vec![HubFrame::Pong(Pong { nonce: ping.nonce })]),
        Ok(SatelliteFrame::Subscribe(asked)) => match Wanted::read(asked) {
            Ok(wanted) => Step::Watch(Watching::Begin(wanted)),
            Err(refusal) => Step::Answer(vec![*refusal]),
        },
        Ok(SatelliteFrame::Unsubscribe(asked)) => Step::Watch(Watching::End(asked.subscription)),
        Err(error) if error.code == ErrorCode::Malformed => {
            Step::Close(CloseReason::ProtocolError, error.into())
        }
        Err(error) => Step::Answer(vec![error.answer()]),
    }
}

/// Its answer keeps its place; boxed, because frames are large and bad items few.
fn unreadable(error: FrameError) -> Box<HubFrame> {
    Box::new(error.answer())
}

fn inbound(event: NewEvent) -> Inbound {
    Inbound {
        client_id: event.client_id.into(),
        event_type: event.event_type,
        payload: serde_json::Value::Object(event.payload),
        occurred_at: event.occurred_at,
    }
}

fn answer(said: CommandResult) -> Answer {
    let state = match said.status {
        CommandStatus::Ok => CommandState::Succeeded,
        CommandStatus::Error => CommandState::Failed,
        CommandStatus::Unsupported => CommandState::Unsupported,
        CommandStatus::Cancelled => CommandState::Cancelled,
        CommandStatus::Unknown => CommandState::Unknown,
    };
    let error = said.error.and_then(|error| serde_json::to_value(error).ok());
    Answer {
        state,
        result: said.result,
        error,
    }
}
