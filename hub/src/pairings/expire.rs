//! A device that was approved and never came for its credential: nobody has one, so it goes.

use uuid::Uuid;

use crate::{
    audit::record::Record,
    devices::revoke::revoke,
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::{AgentId, PairingId},
    storage::TxScope,
};

/// Pairings that are read at once.
const BATCH: i64 = 100;

/// Ends the approved pairings whose time is over.
pub async fn expire_overdue(hub: &Hub) -> Result<usize> {
    let (mut count, mut after) = (0, PairingId(Uuid::nil()));
    loop {
        let mut tx = hub.db.begin_system().await?;
        let overdue = tx.pairings().uncollected(after, BATCH).await?;
        drop(tx);
        let Some((_, last)) = overdue.last() else {
            return Ok(count);
        };
        after = *last;
        count += overdue.len();
        for (agent, pairing) in overdue {
            // One that cannot be ended must not keep the others from it, nor a whole batch of them.
            if let Err(error) = end(hub, agent, pairing).await {
                tracing::error!(pairing.id = %pairing, error = error.chain(), "a pairing could not be ended");
            }
        }
    }
}

async fn end(hub: &Hub, agent: AgentId, pairing: PairingId) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    // Asked again, now locked: the device may have come meanwhile.
    let Some(device) = tx.pairings().expire(pairing).await? else {
        return Ok(());
    };
    tx.record(Record::of("expire_pairing").on("pairing", pairing.0));
    revoke(&mut tx, device).await?;
    tx.commit().await?;
    Ok(())
}
