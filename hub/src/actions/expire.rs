//! Actions whose time has passed: proposals that nobody decided, and approved ones that never began.

use super::{ActionState, settle::change};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::{ActionId, AgentId},
    storage::{Change, StoredAction, Tx, TxScope},
};

/// Actions a sweep ends at most.
const BATCH: i64 = 100;

/// Ends every overdue action that has not begun.
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
    let Some(end) = end_of(&stored, tx.now()) else {
        return Ok(());
    };
    end_overdue(&mut tx, stored, end).await?;
    tx.commit().await?;
    Ok(())
}

/// How a locked action ends now, if its time has passed before it began.
pub(super) fn end_of(stored: &StoredAction, now: DateTime) -> Option<ActionState> {
    match stored.action.state {
        _ if stored.action.deadline_at >= now => None,
        ActionState::Proposed => Some(ActionState::Expired),
        ActionState::Approved => Some(ActionState::TimedOut),
        _ => None,
    }
}

/// Ends it so. Its job, if it still comes, finds nothing to do.
pub(super) async fn end_overdue(tx: &mut Tx, stored: StoredAction, end: ActionState) -> Result<()> {
    let id = stored.action.id;
    let error =
        (end == ActionState::TimedOut).then(|| "it was approved and did not begin in time".to_owned());
    let ended = Change {
        error,
        ..Change::to(end)
    };
    change(tx, stored, ended).await?;
    tx.record(
        Record::of("expire_action")
            .on("action", id.0)
            .with("state", end.as_str()),
    );
    Ok(())
}
