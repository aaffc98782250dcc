//! A device says what it is like.

use serde_json::{Value, json};

use super::{
    Socket,
    connect::{hold, revoked},
    shadow::{Document, Shadow, check, is_same_document, merge},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    places::gate::{Matter, closed},
    secret::random_bytes,
    storage::Tx,
};

/// What it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// A merge patch to what it said before, or the whole.
    pub state: Document,
    /// Whether that is the whole: what it does not name is gone.
    pub is_whole: bool,
    /// The version of what is desired that it has dealt with.
    pub reached: Option<i64>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// It is kept, and this is the version now. A report that says nothing new makes no new one.
    Kept {
        /// Of what is reported.
        version: i64,
    },
    /// It is not kept: the space is private.
    Discarded,
}

/// Takes a report of the device of a socket. The same report again changes nothing, and says nothing to those who watch; one on
/// a socket that was replaced is refused by [`hold`].
pub async fn report(tx: &mut Tx, socket: Socket, said: &Report) -> Result<Reported> {
    check(&said.state, "/state")?;
    hold(tx, socket).await?;
    let device = tx.devices().find(socket.device).await?.ok_or_else(revoked)?;
    let before = tx.shadows().lock(&device).await?;
    let reached = reached(&before, said.reached)?;
    let state = if said.is_whole {
        merge(Document::new(), &said.state)
    } else {
        merge(before.reported.state.clone(), &said.state)
    };
    check(&state, "/state")?;
    if is_same_document(&state, &before.reported.state) && reached == before.reported.reached_version {
        let version = before.reported.version;
        return Ok(Reported::Kept { version });
    }
    // The head before the privacy mode, so that a change of that is before or after this.
    tx.take_head().await?;
    let matter = Matter::kept_in(device.space_id);
    if closed(tx, matter).await?.is_some() {
        return Ok(Reported::Discarded);
    }
    let mut reported = before.reported;
    reported.state = state;
    reported.reached_version = reached;
    reported.version += 1;
    reported.changed_at = Some(tx.now());
    let shadow = Shadow::of(socket.device, before.desired, reported);
    keep(tx, &shadow, device.place()).await
}

/// The version that it has dealt with: it does not go back, for an older report may come after a newer one. One that there is not
/// yet is from before the database was restored, and counts for nothing.
fn reached(before: &Shadow, said: Option<i64>) -> Result<i64> {
    let known = before.reported.reached_version;
    let Some(said) = said else {
        return Ok(known);
    };
    let newest = before.desired.version;
    if said < 0 {
        return Err(Error::invalid("/reached", "must not be below 0"));
    }
    Ok(if said > newest { known } else { said.max(known) })
}

async fn keep(tx: &mut Tx, shadow: &Shadow, place: Place) -> Result<Reported> {
    let salt = random_bytes();
    tx.shadows().set_reported(shadow, &salt).await?;
    let (id, reported) = (shadow.device_id, &shadow.reported);
    let said = json!({"device_id": id, "version": reported.version, "reached_version": reported.reached_version,
        "is_in_sync": shadow.is_in_sync()});
    tx.append(NewEvent::by_hub(EventKind::DeviceReported, place, said));
    tx.record(
        Record::of("report_state")
            .on("device", id.0)
            .with("version", reported.version)
            .commits("reported", id.0, &salt, &Value::Object(reported.state.clone())),
    );
    Ok(Reported::Kept {
        version: reported.version,
    })
}
