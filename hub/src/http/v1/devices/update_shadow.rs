//! `PATCH /v1/agents/{agent_id}/devices/{device_id}/shadow`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DevicePath;
use crate::{
    devices::{
        shadow::{Document, Shadow},
        update_shadow::update_shadow as update,
    },
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{Scope, authorize::authorize},
};

/// What is to change of what is desired.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateShadowRequest {
    /// The version of `desired` that you have read; 0 where there was none.
    #[schema(example = 0, minimum = 0)]
    expected_version: i64,
    /// A merge patch (RFC 7396): what it names is replaced, `null` removes it, objects are merged, all else stays. It and what
    /// comes of it have at most 16 KiB, 256 keys and 8 levels.
    #[schema(value_type = Object, example = json!({"light": {"on": true}, "scene": null}))]
    desired: Document,
}

/// Change what a device should be like. It is told what is left to do, at once or when it connects.
///
/// Where somebody else has changed it since you read it, the answer is 409 `outdated` with `current_version`.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}/devices/{device_id}/shadow", operation_id = "update_shadow",
    tag = "devices",
    params(AgentPath, DevicePath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = UpdateShadowRequest,
    responses((status = OK, description = "Both documents as they are now", body = Shadow)))]
pub(super) async fn update_shadow(
    may: May<perm::CommandsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<DevicePath>,
    key: Key,
    Json(body): Json<UpdateShadowRequest>,
) -> Result<Answer, Failed> {
    // It answers with what the device reports.
    authorize(&may.caller, Scope::DevicesRead)?;
    let id = path.device_id;
    let once = key.once(&may.caller, "update_shadow", StatusCode::OK, &(id, &body))?;
    let updated = once.run(&hub, async |tx| {
        update(tx, id, body.expected_version, &body.desired).await
    });
    Ok(updated.await?)
}
