//! Handing a device's commands to its socket. They are marked as sent before they are written: a crash in between sends
//! them again, never not at all.

use super::Command;
use crate::{
    devices::{Socket, connect::hold},
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::{AgentId, DeviceId},
    storage::TxScope,
};

/// Commands a device holds unanswered at most; the rest waits in the mailbox.
pub const MAX_IN_FLIGHT: i64 = 32;

/// The next commands for a socket, in order. A socket that is no longer the device's newest gets none.
pub async fn take(hub: &Hub, agent: AgentId, device: DeviceId, generation: i64) -> Result<Vec<Command>> {
    let socket = Socket {
        device,
        node: hub.node,
        generation,
    };
    hand_over(hub, agent, socket, HandOver::Next).await
}

/// What to hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// What was not sent yet.
    Next,
    /// What was not acknowledged either: after a hand-over that failed half way nobody knows what of it was written.
    Again,
}

/// Marks the commands that a socket is to write now as sent.
pub async fn hand_over(hub: &Hub, agent: AgentId, socket: Socket, what: HandOver) -> Result<Vec<Command>> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    hold(&mut tx, socket).await?;
    if what == HandOver::Again {
        tx.commands().requeue_unacknowledged(socket.device).await?;
    }
    let room = MAX_IN_FLIGHT - tx.commands().in_flight(socket.device).await?;
    let commands = if room > 0 {
        tx.commands().take_queued(socket.device, room).await?
    } else {
        Vec::new()
    };
    tx.commit().await?;
    Ok(commands)
}
