//! `POST /v1/agents/{agent_id}/devices/{device_id}/rotate`

use axum::{extract::State, http::StatusCode};
use chrono::Duration;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::DevicePath;
use crate::{
    clock::DateTime,
    devices::{
        Device,
        rotate::{OVERLAP, rotate},
    },
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// How it is rotated.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateDeviceRequest {
    /// Seconds that the old credentials live on: 0 to 86400, 600 if not said. 0 where one was stolen.
    overlap_s: Option<u32>,
}

/// A device with its new credential.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RotatedDevice {
    /// The device.
    device: Device,
    /// Its new credential, shown this once; absent from a repeated answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// When its other credentials end, with the sockets that were opened with them.
    previous_ends_at: DateTime,
}

/// Give a device a new credential. The old ones live on for a short while, until the device has the new one.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/devices/{device_id}/rotate", operation_id = "rotate_device",
    tag = "devices",
    params(AgentPath, DevicePath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = RotateDeviceRequest,
    responses((status = OK, description = "The new credential", body = RotatedDevice)))]
pub(super) async fn rotate_device(
    may: May<perm::DevicesWrite>,
    State(hub): State<Hub>,
    Path(path): Path<DevicePath>,
    key: Key,
    Json(body): Json<RotateDeviceRequest>,
) -> Result<Answer, Failed> {
    let id = path.device_id;
    let once = key.once(&may.caller, "rotate_device", StatusCode::OK, &(id, &body))?;
    let overlap = body
        .overlap_s
        .map_or(OVERLAP, |seconds| Duration::seconds(seconds.into()));
    let rotated = once.run_keeping(&hub, async |tx| {
        let (device, fresh) = rotate(tx, id, overlap).await?;
        let previous_ends_at = fresh.others_end_at;
        let kept = json!({"device": device, "previous_ends_at": previous_ends_at});
        let answer = RotatedDevice {
            device,
            token: Some(fresh.token.expose_secret().to_owned()),
            previous_ends_at,
        };
        Ok((answer, Some(kept)))
    });
    Ok(rotated.await?)
}
