//! `POST /v1/agents/{agent_id}/artifacts/{artifact_id}/share`

use axum::{extract::State, http::StatusCode};

use super::ArtifactPath;
use crate::{
    artifacts::{Artifact, share::share},
    http::{
        caller::{May, perm},
        extract::Path,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Share an artifact that is yours alone with the household. It is not taken back, but by deleting it.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/artifacts/{artifact_id}/share", operation_id = "share_artifact", tag = "artifacts",
    params(AgentPath, ArtifactPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    responses((status = OK, description = "The artifact, which is the household's now", body = Artifact)))]
pub(super) async fn share_artifact(
    may: May<perm::ArtifactsShare>,
    State(hub): State<Hub>,
    Path(path): Path<ArtifactPath>,
    key: Key,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.artifact_id);
    let once = key.once(caller, "share_artifact", StatusCode::OK, &id)?;
    Ok(once.run(&hub, async |tx| share(tx, caller, id).await).await?)
}
