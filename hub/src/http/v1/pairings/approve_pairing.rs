//! `POST /v1/agents/{agent_id}/pairings/approve`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    devices::Device,
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{Origin, Trust},
    ids::SpaceId,
    pairings::{
        approve::{Approval, approve},
        find::{read, tried},
    },
    storage::TxScope,
};

/// The code, and what the device is to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovePairingRequest {
    /// In any case, with or without the dash.
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
    /// 1 to 100 characters, unique among the agent's live devices.
    #[schema(example = "hall")]
    name: String,
    /// Where it is.
    space_id: SpaceId,
    /// What it may do: `events:write`, `commands:receive`, `state:write`, `events:read`; the first three if not said.
    scopes: Option<Vec<String>>,
    /// Of the kinds it asked with, those it may be used for; all of them if not said.
    capabilities: Option<Vec<String>>,
    /// The trust of what it sends when nobody is identified; `household` if not said.
    default_trust: Option<Trust>,
}

/// Let the device that shows a code into the agent. It comes for its credential by itself, which nobody else sees.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/pairings/approve", operation_id = "approve_pairing", tag = "pairings",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = ApprovePairingRequest, responses((status = CREATED, description = "The device", body = Device)))]
pub(super) async fn approve_pairing(
    may: May<perm::DevicesWrite>,
    State(hub): State<Hub>,
    from: Origin,
    key: Key,
    Json(body): Json<ApprovePairingRequest>,
) -> Result<Answer, Failed> {
    let (caller, code) = (&may.caller, read(&body.user_code)?);
    let once = key.once(caller, "approve_pairing", StatusCode::CREATED, &body)?;
    let approval = Approval {
        name: body.name,
        space: body.space_id,
        default_trust: body.default_trust.unwrap_or(Trust::Household),
        scopes: body.scopes,
        capabilities: body.capabilities,
    };
    // Pairings belong to no agent, so this is done as the hub.
    let once = once.in_scope(TxScope::WholeAgent(caller.agent));
    // Boxed, for it is large and a request holds it only here.
    let approved = Box::pin(once.run(&hub, async |tx| approve(tx, caller, &code, approval).await));
    Ok(tried(&hub, caller, &from, approved).await?)
}
