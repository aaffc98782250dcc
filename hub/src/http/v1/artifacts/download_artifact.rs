//! `GET /v1/agents/{agent_id}/artifacts/{artifact_id}/download`

use axum::extract::State;

use super::ArtifactPath;
use crate::{
    artifacts::download::{Download, download},
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Get a link to the bytes of an artifact, good for five minutes.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/artifacts/{artifact_id}/download", operation_id = "download_artifact",
    tag = "artifacts", params(AgentPath, ArtifactPath), responses((status = OK, description = "The link", body = Download)))]
pub(super) async fn download_artifact(
    may: May<perm::ArtifactsRead>,
    State(hub): State<Hub>,
    Path(path): Path<ArtifactPath>,
) -> Result<Json<Download>, Failed> {
    Ok(Json(download(&hub, &may.caller, path.artifact_id).await?))
}
