//! `POST /v1/claim`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::{
        arrival::{Said, arriving},
        extract::{Json, StrangersJson},
        problem::Failed,
        v1::sign_in::TokenAnswer,
    },
    hub::Hub,
    identity::{Origin, claim::claim},
    ids::AgentId,
};

/// Who claims, with which code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimRequest {
    /// The one-time code that the hub printed.
    #[schema(value_type = String, example = "ABCDE-FGHJK-LMNPQ-RSTUV")]
    code: SecretString,
    /// The login name: a new one, or one that exists with its password. Left out, with the password, by a user who sends their access
    /// token; alone, by somebody new who sends the token of an issuer.
    #[schema(example = "ada")]
    name: Option<String>,
    /// At least 10 characters.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

/// The claimed agent; and who came by name and password is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClaimAnswer {
    /// The agent; the claimer owns it.
    agent_id: AgentId,
    /// The tokens of a new sign-in; absent for who sent a token.
    #[serde(flatten)]
    tokens: Option<TokenAnswer>,
}

/// Claim a fresh agent with its one-time code: the claimer becomes its owner.
#[utoipa::path(post, path = "/v1/claim", operation_id = "claim_agent", tag = "identity", request_body = ClaimRequest,
    responses((status = CREATED, description = "Claimed", body = ClaimAnswer)))]
pub(super) async fn claim_agent(
    State(hub): State<Hub>,
    from: Origin,
    headers: HeaderMap,
    StrangersJson(body): StrangersJson<ClaimRequest>,
) -> Result<(StatusCode, Json<ClaimAnswer>), Failed> {
    let said = Said {
        name: body.name,
        password: body.password,
    };
    let claimer = arriving(&hub, &headers, from, said).await?;
    let (agent_id, tokens) = claim(&hub, &body.code, claimer).await?;
    let answer = ClaimAnswer {
        agent_id,
        tokens: tokens.map(TokenAnswer::from),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
