//! What happens to artifacts because time has passed: uploads that nobody finished are deleted, and the bytes of what was
//! deleted are removed.

use super::{SETTLED, UNFINISHED, delete::delete, upload::path};
use crate::{
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    ids::{AgentId, ArtifactId},
    storage::TxScope,
};

/// Artifacts that one sweep deals with.
const BATCH: i64 = 200;

/// One sweep.
pub async fn sweep(hub: &Hub) -> Result<()> {
    if hub.blobs.report().trouble().is_some() {
        // Only to know whether it is back.
        let _ = hub.blobs.probe().await;
    }
    delete_unfinished(hub).await?;
    remove_deleted(hub).await?;
    let Some(directory) = hub.blobs.directory() else {
        return Ok(());
    };
    directory
        .clean()
        .await
        .map_err(|error| Error::because("what crashes left of uploads could not be removed", error))
}

/// Removes the bytes of a deleted artifact, and its row once no link to upload can bring some again.
pub(super) async fn remove_bytes(hub: &Hub, agent: AgentId, id: ArtifactId) -> Result<()> {
    hub.blobs.remove(&path(agent, id)).await?;
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    let settled_before = tx.now() - SETTLED;
    tx.artifacts().removed(id, settled_before).await?;
    tx.commit().await?;
    Ok(())
}

async fn delete_unfinished(hub: &Hub) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    let before = tx.now() - UNFINISHED;
    let overdue = tx.artifacts().unfinished_before(before, BATCH).await?;
    drop(tx);
    for (agent, id) in overdue {
        let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
        // Somebody may have finished or deleted it meanwhile.
        if !tx.artifacts().is_unfinished(id).await? {
            continue;
        }
        delete(&mut tx, id).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn remove_deleted(hub: &Hub) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    let settled_before = tx.now() - SETTLED;
    let deleted = tx.artifacts().to_remove(settled_before, BATCH).await?;
    drop(tx);
    for (agent, id) in deleted {
        match remove_bytes(hub, agent, id).await {
            Ok(()) => {}
            // The store is away, which its status says; the next sweep goes on.
            Err(Error::Unavailable { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
