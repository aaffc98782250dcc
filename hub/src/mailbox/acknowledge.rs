//! The device has a command.

use super::CommandState;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::{CommandId, DeviceId},
    storage::Tx,
};

/// Notes that the device has a command: from here on it may start. Again changes nothing; for one that has ended it is
/// refused, so that the device does not start what nobody waits for.
pub async fn acknowledge(tx: &mut Tx, device: DeviceId, id: CommandId) -> Result<()> {
    if tx.commands().acknowledge(device, id).await? {
        tx.record(Record::of("acknowledge_command").on("command", id.0));
        return Ok(());
    }
    let stored = tx
        .commands()
        .lock(device, id)
        .await?
        .ok_or(Error::NotFound { what: "command" })?;
    match stored.command.state {
        CommandState::Acknowledged => Ok(()),
        CommandState::Queued | CommandState::Sent => Err(Error::conflict(
            "not_deliverable",
            "the command was not sent yet, or its time has passed: do not start it",
        )),
        ended => Err(Error::conflict(
            "ended",
            format!("the command is {}: do not start it", ended.as_str()),
        )),
    }
}
