//! Handing a device's commands to its socket. They are marked as sent before they are written: a crash in between sends
//! them again, never not at all.

use super::Command;
use crate::{
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    ids::{AgentId, DeviceId},
    storage::TxScope,
};

/// Commands a device holds unanswered at most; the rest waits in the mailbox.
pub const MAX_IN_FLIGHT: i64 = 32;

/// The next commands for a socket, in order. A socket that is no longer the device's newest gets none.
pub async fn take(hub: &Hub, agent: AgentId, device: DeviceId, generation: i64) -> Result<Vec<Command>> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    if tx.devices().generation(device).await? != Some(generation) {
        return Err(Error::conflict(
            "replaced",
            "a newer socket of this device is open",
        ));
    }
    let room = MAX_IN_FLIGHT - tx.commands().in_flight(device).await?;
    if room <= 0 {
        return Ok(Vec::new());
    }
    let commands = tx.commands().take_queued(device, room).await?;
    if !commands.is_empty() {
        tx.commit().await?;
    }
    Ok(commands)
}
