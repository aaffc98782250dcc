//! `GET /v1/agents/{agent_id}/devices/{device_id}`

use axum::extract::State;

use super::DevicePath;
use crate::{
    devices::Device,
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Get a device.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/devices/{device_id}", operation_id = "get_device", tag = "devices",
    params(AgentPath, DevicePath), responses((status = OK, description = "The device", body = Device)))]
pub(super) async fn get_device(
    may: May<perm::DevicesRead>,
    State(hub): State<Hub>,
    Path(path): Path<DevicePath>,
) -> Result<Json<Device>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let device = tx.devices().find(path.device_id).await?;
    let device = device.ok_or(Error::NotFound { what: "device" })?;
    Ok(Json(device.as_seen_by(may.caller.person())))
}
