//! `POST /v1/agents/{agent_id}/devices/{device_id}/capabilities/approve`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DevicePath;
use crate::{
    devices::{Device, approve_capabilities::approve_capabilities as approve},
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// What the device may be used for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveCapabilitiesRequest {
    /// Kinds that the device declares, 1 to 64.
    kinds: Vec<String>,
}

/// Let a device be used for what it says it can do, and could not say when it was approved.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/devices/{device_id}/capabilities/approve",
    operation_id = "approve_capabilities", tag = "devices",
    params(AgentPath, DevicePath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = ApproveCapabilitiesRequest,
    responses((status = OK, description = "The device as it is now", body = Device)))]
pub(super) async fn approve_capabilities(
    may: May<perm::DevicesWrite>,
    State(hub): State<Hub>,
    Path(path): Path<DevicePath>,
    key: Key,
    Json(body): Json<ApproveCapabilitiesRequest>,
) -> Result<Answer, Failed> {
    let id = path.device_id;
    let once = key.once(&may.caller, "approve_capabilities", StatusCode::OK, &(id, &body))?;
    let approved = once.run(&hub, async |tx| approve(tx, id, &body.kinds).await);
    Ok(approved.await?)
}
