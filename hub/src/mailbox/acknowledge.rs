//! The device has a command.

use super::CommandState;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::{CommandId, DeviceId},
    storage::Tx,
};

/// Notes that the device has a command. Again, or after the result, changes nothing.
pub async fn acknowledge(tx: &mut Tx, device: DeviceId, id: CommandId) -> Result<()> {
    let stored = tx
        .commands()
        .lock(device, id)
        .await?
        .ok_or(Error::NotFound { what: "command" })?;
    match stored.command.state {
        // Queued: the socket on which it was sent has gone, and the word came over the next.
        CommandState::Queued | CommandState::Sent if stored.command.attempts > 0 => {
            tx.commands().acknowledge(id).await?;
            tx.record(Record::of("acknowledge_command").on("command", id.0));
            Ok(())
        }
        CommandState::Queued => Err(Error::conflict(
            "not_sent",
            "the command was not sent to this device yet",
        )),
        _ => Ok(()),
    }
}
