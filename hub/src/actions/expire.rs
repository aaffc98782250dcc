//! Proposals that nobody decided in time.

use super::{ActionState, settle::change};
use crate::{
    audit::record::Record,
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::{ActionId, AgentId},
    storage::{Change, TxScope},
};

/// Proposals a sweep ends at most.
const BATCH: i64 = 100;

/// Expires every overdue proposal.
pub async fn expire_overdue(hub: &Hub) -> Result<usize> {
    let overdue = hub.db.begin_system().await?.actions().overdue(BATCH).await?;
    let count = overdue.len();
    for (agent, id) in overdue {
        // One that cannot be ended must not keep the others from it.
        if let Err(error) = expire(hub, agent, id).await {
            tracing::error!(action.id = %id, error = error.chain(), "an overdue action could not be ended");
        }
    }
    Ok(count)
}

async fn expire(hub: &Hub, agent: AgentId, id: ActionId) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    let Some(stored) = tx.actions().lock(id).await? else {
        return Ok(());
    };
    if stored.action.state != ActionState::Proposed || stored.action.deadline_at >= tx.now() {
        return Ok(());
    }
    change(&mut tx, stored, Change::to(ActionState::Expired)).await?;
    tx.record(Record::of("expire_action").on("action", id.0));
    tx.commit().await?;
    Ok(())
}
