//! `POST /v1/agents/{agent_id}/tokens`

use axum::{extract::State, http::StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{
        PersonalToken,
        create_token::{NewToken, create_token as create},
    },
};

/// A new personal access token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTokenRequest {
    /// What it is for, 1 to 100 characters.
    #[schema(example = "backup script")]
    name: String,
    /// What it may do: at least one scope, each of which you have yourself.
    #[schema(example = json!(["memories:read", "messages:write"]))]
    scopes: Vec<String>,
    /// Seconds that it lives, 60 to 31622400 (366 days); 90 days if not said.
    expires_in_s: Option<u32>,
}

/// A new token with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedToken {
    /// The token.
    token: PersonalToken,
    /// What a program sends as `Authorization: Bearer`, shown this once; absent from a repeated answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Make a personal access token for a program. It may do what is in its scopes as far as you may when it is used, at this agent
/// only. It makes no tokens and no devices, and decides about no actions; what it says is believed as a guest is. The answer holds its secret, which is never shown again.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/tokens", operation_id = "create_token", tag = "tokens",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = CreateTokenRequest, responses((status = CREATED, description = "Made", body = CreatedToken)))]
pub(super) async fn create_token(
    may: May<perm::TokensWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<CreateTokenRequest>,
) -> Result<Answer, Failed> {
    let once = key.once(&may.caller, "create_token", StatusCode::CREATED, &body)?;
    let new = NewToken {
        name: body.name,
        scopes: body.scopes,
        expires_in_s: body.expires_in_s,
    };
    let created = once.run_keeping(&hub, async |tx| {
        let (token, secret) = create(tx, &may.caller, new).await?;
        let kept = json!({"token": token});
        let secret = Some(secret.expose_secret().to_owned());
        Ok((CreatedToken { token, secret }, Some(kept)))
    });
    Ok(created.await?)
}
