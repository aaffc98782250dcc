//! Switching a session off: nothing of it is kept from then on, and nobody thinks about it. And on again, by a person only.

use serde_json::json;

use super::Session;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    ids::SessionId,
    places::Closed,
    storage::{Tx, Within},
    turns::cancel::{cancel, hold, recorded},
};

/// Switches a session off or on. Its open turns end first, so that nothing of it comes after the switch in the log. As it is already
/// is no error, and no change.
pub async fn update_session(tx: &mut Tx, id: SessionId, is_recorded: bool) -> Result<Session> {
    if !is_recorded {
        hold(tx, Within::Session(id)).await?;
    }
    // The session before the head, as whoever says something in it does.
    let found = tx.sessions().lock(id).await?;
    let mut session = found.ok_or(Error::NotFound { what: "session" })?;
    if !session.is_open {
        return Err(Error::conflict("session_closed", "the session has ended"));
    }
    if session.is_recorded == is_recorded {
        return Ok(session);
    }
    tx.sessions().set_recorded(id, is_recorded).await?;
    session.is_recorded = is_recorded;
    tx.take_head().await?;
    let ended = if is_recorded {
        0
    } else {
        cancel(tx, Within::Session(id), Closed::NoRecording).await?
    };
    tx.append(changed(&session));
    let record = Record::of("update_session").on("session", id.0);
    tx.record(recorded(record.with("is_recorded", is_recorded), ended));
    Ok(session)
}

fn changed(session: &Session) -> NewEvent {
    let place = Place {
        session: Some(session.id),
        audience: session.audience_person_id,
        ..Place::in_space(session.space_id)
    };
    let said = json!({"session_id": session.id, "is_recorded": session.is_recorded});
    NewEvent::by_hub(EventKind::SessionChanged, place, said)
}
