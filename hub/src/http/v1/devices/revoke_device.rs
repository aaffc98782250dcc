//! `DELETE /v1/agents/{agent_id}/devices/{device_id}`

use axum::{extract::State, http::StatusCode};

use super::DevicePath;
use crate::{
    devices::revoke::revoke,
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Revoke a device: its credentials are refused and its sockets close within a second. It never comes back.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/devices/{device_id}", operation_id = "revoke_device",
    tag = "devices", params(AgentPath, DevicePath), responses((status = NO_CONTENT, description = "Revoked")))]
pub(super) async fn revoke_device(
    may: May<perm::DevicesWrite>,
    State(hub): State<Hub>,
    Path(path): Path<DevicePath>,
) -> Result<StatusCode, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    revoke(&mut tx, path.device_id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
