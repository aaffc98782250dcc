//! Carrying out what a satellite asks, on one unit of work, and putting the outcome into frames.

use super::{
    client::Operation,
    hello::Guest,
    protocol::{
        Accepted, ClientId, CommandStage, DiscardReason, Discarded, Duplicate, ErrorCode, ErrorNotice,
        FieldError, HubFrame, Rejected, Subject,
    },
};
use crate::{
    error::{Error, Result},
    events::ingest::{Inbound, Outcome, ingest},
    hub::Hub,
    identity::authorize::authorize,
    mailbox::{acknowledge::acknowledge, finish::finish, progress::progress},
    sessions::find::Talk,
    storage::TxScope,
};

/// Carries an operation out. Every answer it gives is about something committed or refused.
pub async fn operate(hub: &Hub, guest: &Guest, operation: Operation) -> Vec<HubFrame> {
    let subject = operation.subject();
    let done = match authorize(&guest.caller, operation.scope()) {
        Ok(()) => carry_out(hub, guest, operation).await,
        Err(error) => Err(error),
    };
    match (done, subject) {
        (Ok(frames), _) => frames,
        (Err(error), Some(subject)) => vec![refuse(&error, subject)],
        (Err(error), None) => vec![HubFrame::Error(notice(&error))],
    }
}

async fn carry_out(hub: &Hub, guest: &Guest, operation: Operation) -> Result<Vec<HubFrame>> {
    let (command, stage) = match operation {
        Operation::Ingest(items) => return take_in(hub, guest, items).await,
        Operation::Acknowledge(command) => (command, CommandStage::Ack),
        Operation::Progress { command, .. } => (command, CommandStage::Progress),
        Operation::Finish(command, _) => (command, CommandStage::Result),
    };
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(guest.caller.agent), guest.caller.actor())
        .await?;
    match operation {
        Operation::Ingest(_) => {}
        Operation::Acknowledge(id) => acknowledge(&mut tx, guest.device, id).await?,
        Operation::Progress {
            command,
            percent,
            note,
        } => {
            progress(&mut tx, guest.device, command, percent, note.as_deref()).await?;
        }
        Operation::Finish(id, answer) => finish(&mut tx, guest.device, id, answer).await?,
    }
    tx.commit().await?;
    // Progress is answered only when it is refused.
    let is_answered = stage != CommandStage::Progress;
    let accepted = HubFrame::Accepted(Accepted::Command {
        command_id: command.0,
        of: stage,
    });
    Ok(is_answered.then_some(accepted).into_iter().collect())
}

async fn take_in(hub: &Hub, guest: &Guest, items: Vec<Result<Inbound, HubFrame>>) -> Result<Vec<HubFrame>> {
    let mut frames = Vec::with_capacity(items.len());
    let (good, ids): (Vec<Inbound>, Vec<String>) = items
        .iter()
        .flatten()
        .map(|item| (item.clone(), item.client_id.clone()))
        .unzip();
    frames.extend(items.into_iter().filter_map(Result::err));
    if good.is_empty() {
        return Ok(frames);
    }
    let talk = Talk::Voice {
        space: guest.space,
        audience: guest.caller.person(),
    };
    match ingest(hub, &guest.caller, talk, good).await {
        Ok(outcomes) => frames.extend(
            ids.into_iter()
                .zip(outcomes)
                .filter_map(|(id, outcome)| told(id, outcome)),
        ),
        // Nothing was kept: each is refused, and may be sent again where that helps.
        Err(error) => frames.extend(
            ids.into_iter()
                .filter_map(|id| Some(refuse(&error, subject(id)?))),
        ),
    }
    Ok(frames)
}

fn subject(client_id: String) -> Option<Subject> {
    ClientId::try_from(client_id)
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
        Outcome::Discarded { .. } => HubFrame::Discarded(Discarded {
            client_id,
            reason: DiscardReason::PrivacyMode,
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

fn refuse(error: &Error, subject: Subject) -> HubFrame {
    let ErrorNotice { code, detail, errors } = notice(error);
    HubFrame::Rejected(Rejected {
        subject,
        code,
        detail,
        errors,
    })
}

/// An error in the channel's words. What broke inside is for the log.
pub(super) fn notice(error: &Error) -> ErrorNotice {
    let code = match error {
        Error::Unauthenticated(_) | Error::Forbidden { .. } => ErrorCode::Forbidden,
        Error::NotFound { .. } => ErrorCode::NotFound,
        Error::Malformed(_) => ErrorCode::Malformed,
        Error::Invalid(_) => ErrorCode::Invalid,
        Error::Conflict { .. } => ErrorCode::Conflict,
        Error::TooLarge { .. } => ErrorCode::TooLarge,
        Error::Throttled { .. } | Error::Unavailable { .. } | Error::Internal(..) => ErrorCode::Busy,
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
