//! One look for all sockets of this process, twice a second: whose mailbox holds something, who was revoked or replaced. It
//! makes every wake-up a matter of latency. And one heartbeat for all of them.

use std::time::Duration;

use uuid::Uuid;

use super::bounded;
use crate::{error::Result, hub::Hub, storage::Ring};

/// How often to look: revocation must reach every socket within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Starts the watch of this process.
pub fn start(hub: &Hub) {
    let hub = hub.clone();
    hub.lifecycle.clone().spawn(async move {
        let beats = (hub.config.satellite.heartbeat_ms / 2 / 500).clamp(1, 20);
        let mut round: u64 = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = hub.lifecycle.closing() => return,
            }
            round = round.wrapping_add(1);
            if let Err(error) = bounded(look(&hub, round.is_multiple_of(beats))).await {
                tracing::debug!(error = error.chain(), "the sockets could not be looked after");
            }
        }
    });
}

/// Wakes the sockets that have something to do.
pub async fn look(hub: &Hub, is_beat: bool) -> Result<()> {
    let sitting = hub.sockets.sitting();
    if sitting.is_empty() {
        return Ok(());
    }
    let mut tx = hub.db.begin_system().await?;
    let concerned = tx.devices().concerned(hub.node, &sitting).await?;
    if is_beat {
        let devices: Vec<Uuid> = sitting.iter().map(|socket| socket.device.0).collect();
        tx.devices().heartbeat(hub.node, &devices).await?;
    }
    tx.commit().await?;
    hub.db.bell().ring_here(concerned.into_iter().map(Ring::Device));
    Ok(())
}
