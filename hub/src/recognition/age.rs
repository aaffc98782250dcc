//! What ends because time has passed: presence of somebody who is not seen any more, what hangs on a grant that has ended, and what
//! nobody decided.

use chrono::Duration;

use super::{Modality, PresenceEnd, erase::expired, leave::end};
use crate::{
    audit::record::Record,
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::{AgentId, ConsentId, PersonId, PresenceId},
    storage::TxScope,
};

/// What a sweep ends at most of each; the next one goes on.
const BATCH: i64 = 200;
/// How long a hypothesis that cannot be confirmed any more stays: whoever read it a moment ago is done with it by then.
const SLACK: Duration = Duration::minutes(1);

/// Ends the presence of those who were not seen for a while.
pub async fn age_out(hub: &Hub) -> Result<usize> {
    let before = hub.clock.now() - hub.config.recognition.presence();
    let unseen = hub
        .db
        .begin_system()
        .await?
        .recognition()
        .unseen(before, BATCH)
        .await?;
    let count = unseen.len();
    for (agent, id) in unseen {
        // One that cannot be ended must not keep the others from it.
        if let Err(error) = age(hub, agent, id).await {
            tracing::error!(presence.id = %id, error = error.chain(), "presence could not be ended");
        }
    }
    Ok(count)
}

async fn age(hub: &Hub, agent: AgentId, id: PresenceId) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    tx.take_head().await?;
    let before = tx.now() - hub.config.recognition.presence();
    // They may have been seen meanwhile. Where the grant has ended nothing is kept of it: that is the other sweep's.
    let found = tx.recognition().presence(id).await?;
    let Some(there) = found.filter(|there| there.seen_at <= before) else {
        return Ok(());
    };
    end(&mut tx, &there, there.seen_at, PresenceEnd::AgedOut).await?;
    tx.record(Record::of("expire_presence").on("presence", id.0));
    tx.commit().await?;
    Ok(())
}

/// Erases what hangs on grants that have ended. Nothing has used it since: the use asks.
pub async fn erase_expired(hub: &Hub) -> Result<usize> {
    let ended = hub
        .db
        .begin_system()
        .await?
        .recognition()
        .ended_grants(BATCH)
        .await?;
    let count = ended.len();
    for (agent, person, of, grant) in ended {
        if let Err(error) = erase_one(hub, agent, person, of, grant).await {
            tracing::error!(consent.id = %grant, error = error.chain(), "what hung on a consent that ended could not be erased");
        }
    }
    Ok(count)
}

async fn erase_one(
    hub: &Hub,
    agent: AgentId,
    person: PersonId,
    of: Modality,
    grant: ConsentId,
) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    tx.take_head().await?;
    if !tx.recognition().hangs_on(grant).await? {
        return Ok(());
    }
    expired(&mut tx, person, of, grant).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes what nobody decided and nobody can any more. How many rows.
pub async fn purge_open(hub: &Hub) -> Result<u64> {
    let mut tx = hub.db.begin_system().await?;
    let seen_before = tx.now() - hub.config.recognition.presence() - SLACK;
    let removed = tx.recognition().purge_open(seen_before, BATCH).await?;
    tx.commit().await?;
    Ok(removed)
}
