//! `/v1/agents/{agent_id}/artifacts`, and the bytes at the hub's own links.

mod complete_artifact;
mod create_artifact;
mod delete_artifact;
mod download_artifact;
mod get_artifact;
mod list_artifacts;
mod read_bytes;
mod send_bytes;
mod share_artifact;

use std::time::Duration;

use axum::routing::{get, put};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, ids::ArtifactId};

/// The path of links that the hub signs. It is not in the document: whoever has one follows it, as they follow one of S3.
pub(in crate::http) const BYTES: &str = "/v1/artifact-bytes/{token}";
/// How long an upload may take in all; each piece of it has the time of a body.
pub(in crate::http) const TRANSFER: Duration = Duration::from_hours(1);

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(
            list_artifacts::list_artifacts,
            create_artifact::create_artifact
        ))
        .routes(routes!(
            get_artifact::get_artifact,
            delete_artifact::delete_artifact
        ))
        .routes(routes!(complete_artifact::complete_artifact))
        .routes(routes!(download_artifact::download_artifact))
        .routes(routes!(share_artifact::share_artifact))
        .route(
            BYTES,
            put(send_bytes::send_bytes).merge(get(read_bytes::read_bytes)),
        )
}

/// The artifact of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ArtifactPath {
    /// The artifact.
    artifact_id: ArtifactId,
}

/// The link of a path.
#[derive(Debug, Deserialize)]
pub(super) struct LinkPath {
    token: String,
}
