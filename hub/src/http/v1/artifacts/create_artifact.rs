//! `POST /v1/agents/{agent_id}/artifacts`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    artifacts::{
        Artifact,
        create::{NewArtifact, create},
        upload::{Upload, upload},
    },
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::SpaceId,
};

/// A new artifact, before its bytes are sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateArtifactRequest {
    /// What people call it, 1 to 200 characters.
    #[schema(example = "window.jpg")]
    name: Option<String>,
    /// What it is (RFC 6838).
    #[schema(example = "image/jpeg")]
    media_type: String,
    /// Its size in bytes, 1 to what the hub is configured to take.
    #[schema(minimum = 1)]
    size_bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    #[schema(example = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")]
    sha256: String,
    /// Where it belongs; if not said, in no known place. A private space keeps nothing.
    space_id: Option<SpaceId>,
    /// Whether only you see it; if not said, the household does.
    is_private: Option<bool>,
}

/// An artifact, and how its bytes are sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedArtifact {
    /// The artifact.
    artifact: Artifact,
    /// How its bytes are sent; null where they are there already, for a repeated request.
    upload: Option<Upload>,
}

/// Announce an artifact. Then send its bytes as `upload` says, and complete it within a day.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/artifacts", operation_id = "create_artifact", tag = "artifacts",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = CreateArtifactRequest, responses((status = CREATED, description = "Announced", body = CreatedArtifact)))]
pub(super) async fn create_artifact(
    may: May<perm::ArtifactsWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<CreateArtifactRequest>,
) -> Result<Answer, Failed> {
    let once = key.once(&may.caller, "create_artifact", StatusCode::CREATED, &body)?;
    let new = NewArtifact {
        name: body.name,
        media_type: body.media_type,
        size_bytes: body.size_bytes,
        sha256: body.sha256,
        space: body.space_id,
        is_private: body.is_private.unwrap_or(false),
    };
    let max_bytes = hub.config.artifacts.max_bytes;
    let made = once.run(&hub, async |tx| create(tx, &may.caller, new, max_bytes).await);
    // The link is a secret and asks the outside for credentials: it is made after the commit, and again for a repeat.
    let with_link = async |artifact: Artifact| {
        let upload = upload(&hub, may.caller.agent, &artifact).await?;
        Ok(CreatedArtifact { artifact, upload })
    };
    Ok(made.await?.then(with_link).await?)
}
