//! Carrying out what a satellite asks, on one unit of work, and putting the outcome into frames.

use tracing::Span;

use super::{
    client::Operation,
    hello::Guest,
    in_turn,
    protocol::{
        Accepted, ClientId, CloseReason, CommandStage, DiscardReason, Discarded, Duplicate, ErrorCode,
        ErrorNotice, FieldError, HubFrame, Rejected, Subject,
    },
    renew::renew,
    report::take_report,
};
use crate::{
    devices::{
        Socket,
        connect::{REPLACED, REVOKED, hold},
    },
    error::{Error, Result},
    events::ingest::{Inbound, Outcome, ingest_over},
    hub::Hub,
    identity::{authorize::authorize, refuse_request::refuse_request},
    ids::CommandId,
    mailbox::{acknowledge::acknowledge, finish::finish, progress::progress},
    sessions::find::Talk,
    storage::TxScope,
    telemetry::trace,
};

/// The span of an operation. One about a command belongs to the command's story, wherever that began; should the database not
/// say which, it is a story of its own.
pub(super) async fn story(hub: &Hub, guest: &Guest, operation: &Operation, frame: &'static str) -> Span {
    let story = match operation.subject() {
        Some(Subject::Command { command_id, .. }) if trace::is_on() => {
            in_turn(hub, guest.caller.agent, story_of(hub, guest, command_id.into()))
                .await
                .ok()
                .flatten()
        }
        _ => None,
    };
    trace::message(frame, guest.caller.agent.0, guest.device.0, story.as_deref())
}

async fn story_of(hub: &Hub, guest: &Guest, id: CommandId) -> Result<Option<String>> {
    let scope = TxScope::WholeAgent(guest.caller.agent);
    let mut tx = hub.db.begin(scope, guest.caller.actor()).await?;
    Ok(tx
        .commands()
        .trace_contexts(guest.device, &[id])
        .await?
        .remove(&id))
}

/// Carries an operation out. Every answer it gives is about something committed or refused. A socket that may not write any
/// more gets no answer but the reason to close it.
pub async fn operate(
    hub: &Hub,
    guest: &Guest,
    socket: Socket,
    operation: Operation,
) -> Result<Vec<HubFrame>, CloseReason> {
    let agent = guest.caller.agent;
    let may = may(hub, guest, &operation).await;
    let may = may.and_then(|()| in_pace(hub, guest, &operation));
    let (subjects, mut frames, done) = match operation {
        Operation::Ingest(items) => {
            let (good, bad) = sorted(items);
            let subjects = good.iter().filter_map(|item| subject(&item.client_id)).collect();
            let done = match may {
                Ok(()) => in_turn(hub, agent, take_in(hub, guest, socket, good)).await,
                Err(error) => Err(error),
            };
            (subjects, bad, done)
        }
        Operation::Report(name, said) => {
            let done = match may {
                Ok(()) => in_turn(hub, agent, take_report(hub, guest, socket, &name, &said)).await,
                Err(error) => Err(error),
            };
            let subject = Subject::Report { report_id: name };
            (vec![subject], Vec::new(), done.map(|answer| vec![answer]))
        }
        Operation::Renew => return renew(hub, guest, socket).await,
        operation => {
            let subjects = operation.subject().into_iter().collect();
            let done = match may {
                Ok(()) => in_turn(hub, agent, carry_out(hub, guest, socket, operation)).await,
                Err(error) => Err(error),
            };
            (subjects, Vec::new(), done)
        }
    };
    match done {
        Ok(answers) => frames.extend(answers),
        Err(error) => refuse(&error, subjects, &mut frames)?,
    }
    Ok(frames)
}

/// Whether the device may. Where its scopes do not reach, that is written down.
async fn may(hub: &Hub, guest: &Guest, operation: &Operation) -> Result<()> {
    let Some(scope) = operation.scope() else {
        return Ok(());
    };
    let refused = authorize(&guest.caller, scope);
    if refused.is_err() {
        let told = refuse_request(hub, &guest.caller, operation.name(), scope.as_str());
        in_turn(hub, guest.caller.agent, told).await?;
    }
    refused
}

/// Refuses what comes too soon, without a look at the database.
fn in_pace(hub: &Hub, guest: &Guest, operation: &Operation) -> Result<()> {
    let said = match operation {
        Operation::Ingest(items) => items.len(),
        Operation::Report(..) => {
            let in_pace = guest.pace.take();
            in_pace.map_err(|retry_after| Error::Throttled { retry_after })?;
            1
        }
        _ => return Ok(()),
    };
    let in_pace = hub.share.says(guest.caller.agent, said);
    in_pace.map_err(|retry_after| Error::Throttled { retry_after })
}

/// Nothing was kept: each is refused, and may be sent again where that helps.
fn refuse(error: &Error, subjects: Vec<Subject>, frames: &mut Vec<HubFrame>) -> Result<(), CloseReason> {
    if let Some(reason) = farewell(error) {
        return Err(reason);
    }
    let ErrorNotice { code, detail, errors } = notice(error);
    frames.extend(subjects.into_iter().map(|subject| {
        HubFrame::Rejected(Rejected {
            subject,
            code,
            detail: detail.clone(),
            errors: errors.clone(),
        })
    }));
    Ok(())
}

/// Why a socket with this error has to go.
pub(super) fn farewell(error: &Error) -> Option<CloseReason> {
    match error {
        Error::Conflict { code: REPLACED, .. } => Some(CloseReason::Replaced),
        Error::Conflict { code: REVOKED, .. } => Some(CloseReason::Revoked),
        _ => None,
    }
}

async fn carry_out(hub: &Hub, guest: &Guest, socket: Socket, operation: Operation) -> Result<Vec<HubFrame>> {
    let subject = operation.subject();
    let scope = TxScope::WholeAgent(guest.caller.agent);
    let mut tx = hub.db.begin(scope, guest.caller.actor()).await?;
    hold(&mut tx, socket).await?;
    match operation {
        // They have ways of their own.
        Operation::Ingest(_) | Operation::Report(..) | Operation::Renew => {}
        Operation::Acknowledge(id) => acknowledge(&mut tx, guest.device, id).await?,
        Operation::Progress {
            command,
            percent,
            note,
        } => progress(&mut tx, guest.device, command, percent, note.as_deref()).await?,
        Operation::Finish(id, answer) => finish(&mut tx, guest.device, id, answer).await?,
    }
    tx.commit().await?;
    Ok(subject.as_ref().and_then(confirmed).into_iter().collect())
}

/// Progress is answered only when it is refused.
fn confirmed(subject: &Subject) -> Option<HubFrame> {
    match *subject {
        Subject::Command {
            command_id,
            of: of @ (CommandStage::Ack | CommandStage::Result),
        } => Some(HubFrame::Accepted(Accepted::Command { command_id, of })),
        Subject::Command { .. }
        | Subject::Event { .. }
        | Subject::Subscription { .. }
        | Subject::Report { .. } => None,
    }
}

/// The items that could be read, and the answers to the others.
fn sorted(items: Vec<Result<Inbound, Box<HubFrame>>>) -> (Vec<Inbound>, Vec<HubFrame>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(item) => good.push(item),
            Err(answer) => bad.push(*answer),
        }
    }
    (good, bad)
}

async fn take_in(hub: &Hub, guest: &Guest, socket: Socket, items: Vec<Inbound>) -> Result<Vec<HubFrame>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = items.iter().map(|item| item.client_id.clone()).collect();
    let talk = Talk::Voice {
        space: guest.space,
        audience: guest.caller.person(),
    };
    let outcomes = ingest_over(hub, &guest.caller, Some(socket), talk, items).await?;
    let told = ids
        .into_iter()
        .zip(outcomes)
        .filter_map(|(id, outcome)| told(id, outcome));
    Ok(told.collect())
}

fn subject(client_id: &str) -> Option<Subject> {
    ClientId::try_from(client_id.to_owned())
        .ok()
        .map(|client_id| Subject::Event { client_id })
}

fn told(client_id: String, outcome: Outcome) -> Option<HubFrame> {
    let client_id = ClientId::try_from(client_id).ok()?;
    Some(match outcome {
        Outcome::Accepted { event, position, .. } => HubFrame::Accepted(Accepted::Event {
            client_id,
            event_id: event.0,
            position,
        }),
        Outcome::Duplicate { event } => HubFrame::Duplicate(Duplicate {
            client_id,
            event_id: event.0,
        }),
        Outcome::Discarded { reason } => HubFrame::Discarded(Discarded {
            subject: Subject::Event { client_id },
            reason: match reason {
                "no_recording" => DiscardReason::NoRecording,
                _ => DiscardReason::PrivacyMode,
            },
        }),
        Outcome::Rejected { reason, errors } => HubFrame::Rejected(Rejected {
            subject: Subject::Event { client_id },
            code: match reason {
                "conflict" => ErrorCode::Conflict,
                "unknown_type" => ErrorCode::Unsupported,
                _ => ErrorCode::Invalid,
            },
            detail: errors
                .first()
                .map_or_else(|| reason.to_owned(), |error| error.detail.clone()),
            errors: errors.into_iter().map(field).collect(),
        }),
    })
}

/// An error in the channel's words. What broke inside is for the log.
pub(super) fn notice(error: &Error) -> ErrorNotice {
    let code = match error {
        Error::Unauthenticated(_) | Error::Forbidden { .. } => ErrorCode::Forbidden,
        Error::NotFound { .. } => ErrorCode::NotFound,
        Error::Malformed(_) => ErrorCode::Malformed,
        Error::Invalid(_) => ErrorCode::Invalid,
        Error::Conflict { .. } | Error::Outdated { .. } => ErrorCode::Conflict,
        Error::TooLarge { .. } => ErrorCode::TooLarge,
        Error::Late { .. }
        | Error::Throttled { .. }
        | Error::Full { .. }
        | Error::Unavailable { .. }
        | Error::Internal(..) => ErrorCode::Busy,
    };
    let detail = if let Error::Internal(..) = error {
        tracing::error!(error = error.chain(), "a satellite's frame failed");
        "something broke inside the hub".to_owned()
    } else {
        error.to_string()
    };
    let errors = if let Error::Invalid(errors) = error {
        errors.iter().cloned().map(field).collect()
    } else {
        Vec::new()
    };
    ErrorNotice { code, detail, errors }
}

fn field(error: crate::error::FieldError) -> FieldError {
    FieldError {
        pointer: error.pointer,
        detail: error.detail,
    }
}
