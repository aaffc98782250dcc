//! How far a command is. Progress moves the deadline, within a maximum.

use serde_json::{Value, json};

use super::COMMAND_LIFE;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::payload::check_text,
    ids::{CommandId, DeviceId},
    places::gate::{Matter, closed},
    storage::Tx,
};

/// Characters of a note at most.
const MAX_NOTE: usize = 500;

/// Keeps how far a command is. For one that has ended it is refused, so that a device does not begin what waits there and nobody
/// waits for any more.
pub async fn progress(
    tx: &mut Tx,
    device: DeviceId,
    id: CommandId,
    percent: Option<u8>,
    note: Option<&str>,
) -> Result<()> {
    if percent.is_some_and(|percent| percent > 100) {
        return Err(Error::invalid("/percent", "must be at most 100"));
    }
    if let Some(note) = note {
        check_text(note, MAX_NOTE).map_err(|detail| Error::invalid("/note", detail))?;
    }
    let stored = tx
        .commands()
        .lock(device, id)
        .await?
        .ok_or(Error::NotFound { what: "command" })?;
    let state = stored.command.state;
    if !state.is_open() {
        let detail = format!("the command is {}: do not begin it", state.as_str());
        return Err(Error::conflict("ended", detail));
    }
    let deadline_at = (tx.now() + COMMAND_LIFE)
        .max(stored.command.deadline_at)
        .min(stored.last_deadline_at);
    // The head before the privacy mode, so that a change of that is before or after this.
    tx.take_head().await?;
    let place = tx.devices().place_of(device).await?;
    let place = place.ok_or(Error::NotFound { what: "command" })?;
    let matter = Matter::kept_in(place.space);
    // What it is about may have been forgotten.
    let note = note.filter(|_| stored.command.erased_at.is_none());
    let said: Value = match closed(tx, matter).await? {
        None => json!({"percent": percent, "note": note}),
        // It goes on, and that is all that is kept of it.
        Some(_) => json!({"percent": null, "note": null}),
    };
    tx.commands().progress(id, &said, deadline_at).await?;
    tx.record(
        Record::of("report_command_progress")
            .on("command", id.0)
            .with("percent", said["percent"].clone()),
    );
    Ok(())
}
