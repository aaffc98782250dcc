//! `POST /v1/agents/{agent_id}/commands`

use axum::{extract::State, http::StatusCode};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    error::{Error, Result},
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::{DeviceId, SpaceId},
    mailbox::{
        COMMAND_LIFE, Command,
        request::{Addressee, Request, request},
    },
};

/// A command to send: to `device_id`, or to any device in `space_id` that can do it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendCommandRequest {
    /// To this device. Needed without `space_id`.
    device_id: Option<DeviceId>,
    /// Without `device_id`: to a device in this space that has declared the kind, one that is connected, else the one that was
    /// there last. With it: the device must be there.
    space_id: Option<SpaceId>,
    /// What to do: a kind that the device has declared, 1 to 100 characters.
    #[schema(example = "speaker.say")]
    kind: String,
    /// With what: at most 64 KiB; empty if not said.
    #[schema(value_type = Option<Object>)]
    arguments: Option<Map<String, Value>>,
    /// How long the device has to answer, in milliseconds, 1000 to 86400000; 120000 if not said.
    timeout_ms: Option<i64>,
    /// 1 to 100 characters. It takes the place of commands with the same key that the device does not have yet.
    supersede_key: Option<String>,
}

/// Send a command to a device, connected or not.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/commands", operation_id = "send_command", tag = "commands",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = SendCommandRequest, responses((status = CREATED, description = "Queued", body = Command)))]
pub(super) async fn send_command(
    may: May<perm::CommandsWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<SendCommandRequest>,
) -> Result<Answer, Failed> {
    let caller = &may.caller;
    let once = key.once(caller, "send_command", StatusCode::CREATED, &body)?;
    let wanted = Request {
        to: addressee(&body)?,
        kind: body.kind,
        arguments: body.arguments.unwrap_or_default(),
        life: body.timeout_ms.map_or(COMMAND_LIFE, life),
        supersede_key: body.supersede_key,
    };
    let sent = once.run(&hub, async |tx| request(tx, caller, wanted).await);
    Ok(sent.await?)
}

fn addressee(body: &SendCommandRequest) -> Result<Addressee> {
    match (body.device_id, body.space_id) {
        (Some(device), space) => Ok(Addressee::Device(device, space)),
        (None, Some(space)) => Ok(Addressee::AnyIn(space)),
        (None, None) => Err(Error::invalid("/device_id", "say device_id or space_id")),
    }
}

/// What cannot be counted is beyond every bound.
fn life(timeout_ms: i64) -> Duration {
    Duration::try_milliseconds(timeout_ms).unwrap_or(Duration::MAX)
}
