//! `GET /v1/agents/{agent_id}/devices/{device_id}/shadow`

use axum::extract::State;

use super::DevicePath;
use crate::{
    devices::{get_shadow::get_shadow as get, shadow::Shadow},
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Get what a device should be like, what it says it is like, and where the two differ.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/devices/{device_id}/shadow", operation_id = "get_shadow",
    tag = "devices", params(AgentPath, DevicePath),
    responses((status = OK, description = "Both documents; empty where nobody has said anything", body = Shadow)))]
pub(super) async fn get_shadow(
    may: May<perm::DevicesRead>,
    State(hub): State<Hub>,
    Path(path): Path<DevicePath>,
) -> Result<Json<Shadow>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    Ok(Json(get(&mut tx, path.device_id).await?))
}
