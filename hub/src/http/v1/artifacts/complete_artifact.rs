//! `POST /v1/agents/{agent_id}/artifacts/{artifact_id}/complete`

use axum::{extract::State, http::StatusCode};

use super::ArtifactPath;
use crate::{
    artifacts::{
        Artifact,
        complete::{complete, examine},
    },
    http::{
        caller::{May, perm},
        extract::Path,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Say that the bytes of an artifact are there. The hub looks for itself; after it found them, the artifact is `stored`.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/artifacts/{artifact_id}/complete", operation_id = "complete_artifact",
    tag = "artifacts",
    params(AgentPath, ArtifactPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    responses((status = OK, description = "The artifact as it is now", body = Artifact)))]
pub(super) async fn complete_artifact(
    may: May<perm::ArtifactsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<ArtifactPath>,
    key: Key,
) -> Result<Answer, Failed> {
    let id = path.artifact_id;
    let once = key.once(&may.caller, "complete_artifact", StatusCode::OK, &id)?;
    examine(&hub, &may.caller, id).await?;
    Ok(once.run(&hub, async |tx| complete(tx, id).await).await?)
}
