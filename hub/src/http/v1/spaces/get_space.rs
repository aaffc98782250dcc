//! `GET /v1/agents/{agent_id}/spaces/{space_id}`

use axum::extract::State;

use super::SpacePath;
use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    places::Space,
};

/// Get a space.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/spaces/{space_id}", operation_id = "get_space", tag = "spaces",
    params(AgentPath, SpacePath), responses((status = OK, description = "The space", body = Space)))]
pub(super) async fn get_space(
    may: May<perm::SpacesRead>,
    State(hub): State<Hub>,
    Path(path): Path<SpacePath>,
) -> Result<Json<Space>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let space = tx.places().space(path.space_id).await?;
    Ok(Json(space.ok_or(Error::NotFound { what: "space" })?))
}
