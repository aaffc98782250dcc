//! Somebody no longer wants a command. One that its device does not have ends at once and never started; one that it has may
//! be under way: the device is told, and its answer says what became of it.

use serde_json::json;

use super::{
    Command, CommandState,
    finish::{end, tell},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::CommandId,
    storage::{Ending, Ring, Tx},
};

/// Cancels a command, or asks its device to. Again changes nothing; one that has ended otherwise is refused.
pub async fn cancel(tx: &mut Tx, id: CommandId) -> Result<Command> {
    const MISSING: Error = Error::NotFound { what: "command" };
    let device = tx.commands().find(id).await?.ok_or(MISSING)?.device_id;
    let stored = tx.commands().lock(device, id).await?.ok_or(MISSING)?;
    let record = Record::of("cancel_command").on("command", id.0);
    match stored.command.state {
        CommandState::Queued | CommandState::Sent => {
            tx.record(record.with("state", CommandState::Cancelled.as_str()));
            let reason = json!({"code": "cancelled", "message": "it was cancelled before the device had it"});
            let ending = Ending {
                state: CommandState::Cancelled,
                result: None,
                error: Some(reason),
                is_late: false,
                salt: None,
            };
            end(tx, stored, ending).await?;
        }
        CommandState::Acknowledged if stored.command.cancel_requested_at.is_none() => {
            tx.record(record.with("state", CommandState::Acknowledged.as_str()));
            tx.commands().ask_to_cancel(id).await?;
            let space = tx.devices().space_of(device).await?;
            let space = space.ok_or_else(|| Error::internal("a command for a device without a space"))?;
            tell(tx, &stored.command, stored.audience, space);
        }
        CommandState::Acknowledged | CommandState::Cancelled => {}
        ended => {
            let detail = format!("the command has ended: it is {}", ended.as_str());
            return Err(Error::conflict("ended", detail));
        }
    }
    // To be told, or because there is room for the next one now.
    tx.ring(Ring::Device(device));
    tx.commands().find(id).await?.ok_or(MISSING)
}
