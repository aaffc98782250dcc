//! The sweep that sees to embeddings: it queues jobs for what has none, has a new model asked once it has all, and removes the
//! embeddings of models that nobody wants any more.
//!
//! While a new model is filled, the old one is asked: it knows all that was remembered until the change, and words find the
//! rest.

use chrono::TimeDelta;

use super::{embed, embedding::EmbeddingModel};
use crate::{
    error::Result,
    hub::Hub,
    identity::Actor,
    ids::AgentId,
    jobs::JobKind,
    storage::{KnownModel, TxScope},
    telemetry::metric,
};

/// Embeddings of a model are kept for so long after a process last had it configured: longer than any process believes that it
/// is still asked, and long enough for the processes of a hub to be restarted one by one.
const KEEP_UNWANTED: TimeDelta = TimeDelta::minutes(10);
/// A job that died is not queued anew before this: somebody may want to look at it first.
const LEAVE_DEAD: TimeDelta = TimeDelta::hours(1);
/// Embeddings removed at once.
const BATCH: i64 = 1_000;

/// One round.
pub async fn backfill(hub: &Hub) -> Result<()> {
    let Some(model) = hub.embeddings.model() else {
        return Ok(());
    };
    let missing = settle(hub, model).await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of memories is small")]
    metrics::gauge!(metric::EMBEDDINGS_MISSING)
        .set(missing.iter().map(|(_, count)| *count).sum::<i64>() as f64);
    for (agent, _) in missing {
        queue(hub, agent).await?;
    }
    remove_unwanted(hub, model).await
}

/// Notes that the model is wanted, and has it asked when it lacks nothing. Returns what it lacks.
async fn settle(hub: &Hub, model: &EmbeddingModel) -> Result<Vec<(AgentId, i64)>> {
    let mut tx = hub.db.begin_system().await?;
    tx.embeddings().want(model).await?;
    let missing = tx.embeddings().agents_missing(model).await?;
    let known = tx.embeddings().models().await?;
    let active = known.into_iter().find(|known| known.is_active);
    let mut asked = active.map_or_else(|| model.clone(), |known| known.model);
    let is_complete = asked != *model && missing.is_empty();
    if is_complete {
        tx.embeddings().activate(model).await?;
        asked = model.clone();
    }
    tx.commit().await?;
    if is_complete {
        tracing::info!(embeddings.model = %model, "every memory has an embedding of the new model, which is asked now");
    }
    hub.embeddings.ask_model(asked);
    Ok(missing)
}

async fn queue(hub: &Hub, agent: AgentId) -> Result<()> {
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    let since = tx.now() - LEAVE_DEAD;
    if !tx.jobs().has_died_since(JobKind::EmbedMemories, since).await? {
        embed::queue(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn remove_unwanted(hub: &Hub, model: &EmbeddingModel) -> Result<()> {
    let known = hub.db.begin_system().await?.embeddings().models().await?;
    let before = hub.clock.now() - KEEP_UNWANTED;
    let is_unwanted =
        |known: &KnownModel| !known.is_active && known.model != *model && known.wanted_at < before;
    for KnownModel { model, .. } in known.into_iter().filter(is_unwanted) {
        remove(hub, &model).await?;
    }
    Ok(())
}

async fn remove(hub: &Hub, model: &EmbeddingModel) -> Result<()> {
    while !hub.lifecycle.is_closing() {
        let mut tx = hub.db.begin_system().await?;
        let removed = tx.embeddings().remove_some(model, BATCH).await?;
        if removed == 0 {
            tx.embeddings().remove_model(model).await?;
        }
        tx.commit().await?;
        if removed == 0 {
            tracing::info!(embeddings.model = %model, "the embeddings of an old model are removed");
            return Ok(());
        }
    }
    Ok(())
}
