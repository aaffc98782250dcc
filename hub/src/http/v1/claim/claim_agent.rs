//! `POST /v1/claim`

use axum::{extract::State, http::StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::Error,
    events::payload::check_name,
    http::{
        extract::{Json, StrangersJson},
        problem::Failed,
    },
    hub::Hub,
    identity::{Origin, claim::claim, newcomer::Newcomer},
    ids::AgentId,
};

/// Who claims, with which code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimRequest {
    /// The one-time code that the hub printed.
    #[schema(value_type = String, example = "ABCDE-FGHJK-LMNPQ-RSTUV")]
    code: SecretString,
    /// The login name: a new one, or one that exists with its password.
    #[schema(example = "ada")]
    name: String,
    /// At least 10 characters.
    #[schema(value_type = String)]
    password: SecretString,
}

/// The claimed agent, and the claimer signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClaimAnswer {
    /// The agent; the claimer owns it.
    agent_id: AgentId,
    /// For the `Authorization` header.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds that the access token is good for.
    expires_in_s: i64,
    /// For `POST /v1/sign-in/refresh`; good once.
    refresh_token: String,
}

/// Claim a fresh agent with its one-time code: the claimer becomes its owner.
#[utoipa::path(post, path = "/v1/claim", operation_id = "claim_agent", tag = "identity", request_body = ClaimRequest,
    responses((status = CREATED, description = "Claimed", body = ClaimAnswer)))]
pub(super) async fn claim_agent(
    State(hub): State<Hub>,
    from: Origin,
    StrangersJson(body): StrangersJson<ClaimRequest>,
) -> Result<(StatusCode, Json<ClaimAnswer>), Failed> {
    check_name(&body.name, 100).map_err(|detail| Error::invalid("/name", detail))?;
    let claimer = Newcomer {
        name: body.name,
        password: body.password,
        from,
    };
    let (agent_id, tokens) = claim(&hub, &body.code, claimer).await?;
    let answer = ClaimAnswer {
        agent_id,
        access_token: tokens.access.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in_s: tokens.access_life.num_seconds(),
        refresh_token: tokens.refresh.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
