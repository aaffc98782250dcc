//! `PATCH /v1/agents/{agent_id}/spaces/{space_id}`

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::SpacePath;
use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::authorize::only_signed_in,
    places::{
        PrivacyMode, Space,
        update_space::{SpaceChange, update_space as update},
    },
    storage::TxScope,
};

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateSpaceRequest {
    /// 1 to 100 characters, unique in the agent.
    name: Option<String>,
    /// `private` keeps nothing from now on, and ends the space's open turns at once.
    privacy_mode: Option<PrivacyMode>,
}

/// Change a space, its privacy mode too.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}/spaces/{space_id}", operation_id = "update_space", tag = "spaces",
    params(AgentPath, SpacePath), request_body = UpdateSpaceRequest,
    responses((status = OK, description = "The space as it is now", body = Space)))]
pub(super) async fn update_space(
    may: May<perm::SpacesWrite>,
    State(hub): State<Hub>,
    Path(path): Path<SpacePath>,
    Json(body): Json<UpdateSpaceRequest>,
) -> Result<Json<Space>, Failed> {
    if body.privacy_mode == Some(PrivacyMode::Normal) {
        // No program begins to listen again.
        only_signed_in(&may.caller)?;
    }
    // Everybody's turns there end, whoever may see them.
    let scope = TxScope::WholeAgent(may.caller.agent);
    let mut tx = hub.db.begin(scope, may.caller.actor()).await?;
    let change = SpaceChange {
        name: body.name,
        privacy_mode: body.privacy_mode,
    };
    let space = update(&mut tx, path.space_id, change).await?;
    tx.commit().await?;
    Ok(Json(space))
}
