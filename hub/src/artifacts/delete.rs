//! Deleting an artifact: nobody can read it from the commit on, and its bytes go right after, or with a later sweep.

use super::{Artifact, ArtifactState, complete::told, sweep::remove_bytes};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::EventKind,
    hub::Hub,
    ids::{AgentId, ArtifactId},
    storage::Tx,
};

/// Deletes an artifact, whether or not its bytes are there.
pub async fn delete(tx: &mut Tx, id: ArtifactId) -> Result<Artifact> {
    tx.take_head().await?;
    let held = tx
        .artifacts()
        .lock(id)
        .await?
        .ok_or(Error::NotFound { what: "artifact" })?;
    tx.artifacts().delete(id).await?;
    // An upload that came to nothing was never told of.
    if held.artifact.state == ArtifactState::Stored {
        tx.append(told(EventKind::ArtifactDeleted, &held));
    }
    let record = Record::of("delete_artifact").on("artifact", id.0);
    tx.record(record.with("size_bytes", held.artifact.size_bytes));
    Ok(held.artifact)
}

/// Removes the bytes of what was deleted. While the store is away the sweep does, once it is back.
pub async fn clear(hub: &Hub, agent: AgentId, id: ArtifactId) {
    if hub.blobs.report().trouble().is_some() {
        return;
    }
    if let Err(error) = remove_bytes(hub, agent, id).await {
        tracing::warn!(
            error = error.chain(),
            "the bytes of a deleted artifact will be removed later"
        );
    }
}
