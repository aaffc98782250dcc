//! `POST /v1/agents/{agent_id}/spaces`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::LocationId,
    places::{
        PrivacyMode, Space,
        create_space::{NewSpace, create_space as create},
    },
};

/// A new space.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateSpaceRequest {
    /// 1 to 100 characters, unique in the agent.
    #[schema(example = "living room")]
    name: String,
    /// Where it is.
    location_id: Option<LocationId>,
    /// `normal` if not said.
    privacy_mode: Option<PrivacyMode>,
}

/// Make a space.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/spaces", operation_id = "create_space", tag = "spaces",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = CreateSpaceRequest, responses((status = CREATED, description = "Made", body = Space)))]
pub(super) async fn create_space(
    may: May<perm::SpacesWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<CreateSpaceRequest>,
) -> Result<Answer, Failed> {
    let once = key.once(&may.caller, "create_space", StatusCode::CREATED, &body)?;
    let new = NewSpace {
        name: body.name,
        location: body.location_id,
        privacy_mode: body.privacy_mode.unwrap_or(PrivacyMode::Normal),
    };
    Ok(once.run(&hub, async |tx| create(tx, new).await).await?)
}
