//! `POST /v1/agents/{agent_id}/delegations`

use axum::{extract::State, http::StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    delegations::{
        Delegation,
        create_delegation::{NewDelegation, create_delegation as create},
    },
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::{AgentId, SpaceId},
};

/// A new delegation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateDelegationRequest {
    /// The agent that may act: it, or a service, not both.
    to_agent_id: Option<AgentId>,
    /// The service that may act, by a name of your own: 1 to 50 small letters, digits and dashes.
    #[schema(example = "calendar-sync")]
    to_service: Option<String>,
    /// What it may do: at least one scope, each of which you have yourself.
    #[schema(example = json!(["memories:read", "messages:write"]))]
    scopes: Vec<String>,
    /// The spaces that it is limited to, 1 to 8: of all others it sees nothing. Null: those that you see. Only what is in spaces can
    /// be limited so: `agents:read`, `spaces:read`, `sessions:read`, `devices:read`, `events:read`, `memories:read`,
    /// `artifacts:read`, `delegations:read` and `delegations:write`.
    space_ids: Option<Vec<SpaceId>>,
    /// Seconds that it lives, 60 to 7776000 (90 days); 30 days if not said, and never longer than the one that it is made by.
    expires_in_s: Option<u32>,
    /// Requests that may be made with it and with those below it, 1 to 1000000000; null: as many as you may make.
    max_uses: Option<u32>,
    /// How often it and those below it may make the agent think, 0 to 1000000000; null: as often as you may.
    max_turns: Option<u32>,
}

/// A new delegation with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedDelegation {
    /// The delegation.
    delegation: Delegation,
    /// Shown this once; absent from a repeated answer. A service sends it as `Authorization: Bearer`; somebody of an agent as
    /// `Hub-Delegation`, beside their own credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Let another agent, or a service, act for this one. It sees what the household sees, and nobody's private things; what it says is
/// believed least. Every use is in the audit log of both agents. A delegate that may, makes narrower ones in the same way, which end
/// with its own. The answer holds the secret, which is never shown again.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/delegations", operation_id = "create_delegation", tag = "delegations",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = CreateDelegationRequest, responses((status = CREATED, description = "Made", body = CreatedDelegation)))]
pub(super) async fn create_delegation(
    may: May<perm::DelegationsWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<CreateDelegationRequest>,
) -> Result<Answer, Failed> {
    let once = key.once(&may.caller, "create_delegation", StatusCode::CREATED, &body)?;
    let new = NewDelegation {
        to_agent_id: body.to_agent_id,
        to_service: body.to_service,
        scopes: body.scopes,
        space_ids: body.space_ids,
        expires_in_s: body.expires_in_s,
        max_uses: body.max_uses,
        max_turns: body.max_turns,
    };
    let created = once.run_keeping(&hub, async |tx| {
        let (delegation, secret) = create(tx, &may.caller, new).await?;
        let kept = json!({"delegation": delegation});
        let secret = Some(secret.expose_secret().to_owned());
        Ok((CreatedDelegation { delegation, secret }, Some(kept)))
    });
    Ok(created.await?)
}
