//! What a command carries is forgotten: one that its device does not have is taken back, and one that it has is to be stopped.

use serde_json::json;

use super::{
    CommandState,
    finish::{end, tell},
};
use crate::{
    error::{Error, Result},
    ids::{CommandId, DeviceId},
    storage::{Ending, Ring, Tx},
};

/// Stops a command, as far as it can be. The caller records the operation.
pub async fn withdraw(tx: &mut Tx, device: DeviceId, id: CommandId) -> Result<()> {
    let Some(stored) = tx.commands().lock(device, id).await? else {
        return Ok(());
    };
    match stored.command.state {
        CommandState::Queued | CommandState::Sent => {
            let reason = json!({"code": "cancelled", "message": "it was forgotten before the device had it"});
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
            tx.commands().ask_to_cancel(id).await?;
            let space = tx.devices().space_of(device).await?;
            let space = space.ok_or_else(|| Error::internal("a command for a device without a space"))?;
            tell(tx, &stored.command, stored.audience, space);
        }
        _ => return Ok(()),
    }
    tx.ring(Ring::Device(device));
    Ok(())
}
