//! `DELETE /v1/agents/{agent_id}/artifacts/{artifact_id}`

use axum::{extract::State, http::StatusCode};

use super::ArtifactPath;
use crate::{
    artifacts::delete::{clear, delete},
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Delete an artifact. Nobody can read it from now on, and its bytes are removed.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/artifacts/{artifact_id}", operation_id = "delete_artifact",
    tag = "artifacts", params(AgentPath, ArtifactPath), responses((status = NO_CONTENT, description = "Deleted")))]
pub(super) async fn delete_artifact(
    may: May<perm::ArtifactsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<ArtifactPath>,
) -> Result<StatusCode, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    delete(&mut tx, path.artifact_id).await?;
    tx.commit().await?;
    clear(&hub, may.caller.agent, path.artifact_id).await;
    Ok(StatusCode::NO_CONTENT)
}
