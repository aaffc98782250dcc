//! `POST /v1/agents/{agent_id}/devices`

use axum::{extract::State, http::StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    devices::{
        Device,
        register::{NewDevice, register},
    },
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::Trust,
    ids::SpaceId,
};

/// A new device.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterDeviceRequest {
    /// 1 to 100 characters, unique among the agent's live devices.
    #[schema(example = "hall")]
    name: String,
    /// Where it is.
    space_id: SpaceId,
    /// The trust of what it sends when nobody is identified; `household` if not said.
    default_trust: Option<Trust>,
}

/// A new device with its credential.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisteredDevice {
    /// The device.
    device: Device,
    /// Its credential, shown this once; absent from a repeated answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Make a device. The answer holds its credential, which is never shown again.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/devices", operation_id = "register_device", tag = "devices",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = RegisterDeviceRequest, responses((status = CREATED, description = "Made", body = RegisteredDevice)))]
pub(super) async fn register_device(
    may: May<perm::DevicesWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<RegisterDeviceRequest>,
) -> Result<Answer, Failed> {
    let once = key.once(&may.caller, "register_device", StatusCode::CREATED, &body)?;
    let new = NewDevice {
        name: body.name,
        space: body.space_id,
        default_trust: body.default_trust.unwrap_or(Trust::Household),
    };
    let registered = once.run_keeping(&hub, async |tx| {
        let (device, token) = register(tx, new).await?;
        let kept = json!({"device": device});
        let token = Some(token.expose_secret().to_owned());
        Ok((RegisteredDevice { device, token }, Some(kept)))
    });
    Ok(registered.await?)
}
