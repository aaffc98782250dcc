//! `GET /v1/agents/{agent_id}/artifacts/{artifact_id}`

use axum::extract::State;

use super::ArtifactPath;
use crate::{
    artifacts::Artifact,
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Get an artifact, without its bytes.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/artifacts/{artifact_id}", operation_id = "get_artifact", tag = "artifacts",
    params(AgentPath, ArtifactPath), responses((status = OK, description = "The artifact", body = Artifact)))]
pub(super) async fn get_artifact(
    may: May<perm::ArtifactsRead>,
    State(hub): State<Hub>,
    Path(path): Path<ArtifactPath>,
) -> Result<Json<Artifact>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let artifact = tx.artifacts().find(path.artifact_id).await?;
    Ok(Json(artifact.ok_or(Error::NotFound { what: "artifact" })?))
}
