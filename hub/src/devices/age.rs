//! A connection that no node keeps alive ages out: its node was killed, and nobody else will say that the device is gone.

use super::presence::{NODE_LOST, Presence, look_up_and_tell};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::{AgentId, DeviceId},
    storage::TxScope,
};

/// Connections a sweep ends at most; the next one goes on.
const BATCH: i64 = 500;

/// Ends the connections that were silent since a time.
pub async fn age_out(hub: &Hub, since: DateTime) -> Result<usize> {
    let silent = hub
        .db
        .begin_system()
        .await?
        .devices()
        .silent(since, BATCH)
        .await?;
    let count = silent.len();
    for (agent, device) in silent {
        // One that cannot be ended must not keep the others from it.
        if let Err(error) = end(hub, agent, device, since).await {
            tracing::error!(device.id = %device, error = error.chain(), "a silent connection could not be ended");
        }
    }
    Ok(count)
}

async fn end(hub: &Hub, agent: AgentId, device: DeviceId, since: DateTime) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    if !tx.devices().remove_silent(device, since).await? {
        return Ok(());
    }
    look_up_and_tell(&mut tx, device, Presence::Went(NODE_LOST)).await?;
    tx.record(
        Record::of("disconnect_device")
            .on("device", device.0)
            .with("reason", NODE_LOST),
    );
    tx.commit().await?;
    Ok(())
}
