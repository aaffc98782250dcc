//! One look for all sockets of this process, twice a second: whose mailbox holds something, who was revoked or replaced. It
//! makes every wake-up a matter of latency. And one heartbeat for all of them, on its own: it waits for every unit of work
//! that holds a socket's connection, and who was revoked must not stay for that long.

use std::time::Duration;

use uuid::Uuid;

use super::bounded;
use crate::{error::Result, hub::Hub, storage::Ring};

/// How often to look: revocation must reach every socket within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How far apart heartbeats may be.
const BEAT_AT_LEAST_EVERY: Duration = Duration::from_secs(10);

/// Starts the watch of this process.
pub fn start(hub: &Hub) {
    // Twice in a heartbeat of the satellites: a connection that misses several of those ages out.
    let beat_every =
        Duration::from_millis(hub.config.satellite.heartbeat_ms / 2).clamp(LOOK_EVERY, BEAT_AT_LEAST_EVERY);
    let (looking, beating) = (hub.clone(), hub.clone());
    hub.lifecycle
        .spawn(async move { repeat(&looking, LOOK_EVERY, look).await });
    hub.lifecycle
        .spawn(async move { repeat(&beating, beat_every, beat).await });
}

async fn repeat(hub: &Hub, every: Duration, care: impl AsyncFn(&Hub) -> Result<()>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = hub.lifecycle.closing() => return,
        }
        if let Err(error) = bounded(care(hub)).await {
            tracing::debug!(error = error.chain(), "the sockets could not be looked after");
        }
    }
}

/// Wakes the sockets that have something to do, and ends those that have no right to be here any more.
pub async fn look(hub: &Hub) -> Result<()> {
    let sitting = hub.sockets.sitting();
    if sitting.is_empty() {
        return Ok(());
    }
    let mut tx = hub.db.begin_system().await?;
    let concerned = tx.devices().concerned(hub.node, &sitting).await?;
    tx.commit().await?;
    // At once: a socket that waits for its turn at the database hears no bell.
    for concerned in concerned.iter().filter(|concerned| concerned.has_ended) {
        hub.sockets.end(concerned.socket);
    }
    let rung = concerned.into_iter().filter(|concerned| !concerned.has_ended);
    hub.db
        .bell()
        .ring_here(rung.map(|concerned| Ring::Device(concerned.socket.device)));
    Ok(())
}

/// Says of every socket here that it is alive.
async fn beat(hub: &Hub) -> Result<()> {
    let devices: Vec<Uuid> = hub
        .sockets
        .sitting()
        .iter()
        .map(|socket| socket.device.0)
        .collect();
    if devices.is_empty() {
        return Ok(());
    }
    let mut tx = hub.db.begin_system().await?;
    tx.devices().heartbeat(hub.node, &devices).await?;
    tx.commit().await?;
    Ok(())
}
