//! `POST /v1/invitations/accept`

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
    identity::{Origin, Role, accept_invitation::accept_invitation as accept},
    ids::AgentId,
};

/// Who accepts, with which code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptInvitationRequest {
    /// The one-time code.
    #[schema(value_type = String, example = "ABCDE-FGHJK-LMNPQ-RSTUV")]
    code: SecretString,
    /// The login name: a new one, or one that exists with its password. Left out, with the password, by a user who sends their access
    /// token; alone, by somebody new who sends the token of an issuer.
    #[schema(example = "bob")]
    name: Option<String>,
    /// At least 10 characters.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

/// What was joined; and who came by name and password is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcceptedInvitation {
    /// The agent.
    agent_id: AgentId,
    /// What you are there.
    role: Role,
    /// The tokens of a new sign-in; absent for who sent a token.
    #[serde(flatten)]
    tokens: Option<TokenAnswer>,
}

/// Join an agent with the one-time code of an invitation: by a login name and password, or by an access token, of a sign-in or of an
/// issuer that the hub believes.
#[utoipa::path(post, path = "/v1/invitations/accept", operation_id = "accept_invitation", tag = "members",
    request_body = AcceptInvitationRequest,
    responses((status = CREATED, description = "Joined", body = AcceptedInvitation)))]
pub(super) async fn accept_invitation(
    State(hub): State<Hub>,
    from: Origin,
    headers: HeaderMap,
    StrangersJson(body): StrangersJson<AcceptInvitationRequest>,
) -> Result<(StatusCode, Json<AcceptedInvitation>), Failed> {
    let said = Said {
        name: body.name,
        password: body.password,
    };
    let who = arriving(&hub, &headers, from, said).await?;
    let accepted = accept(&hub, &body.code, who).await?;
    let answer = AcceptedInvitation {
        agent_id: accepted.agent,
        role: accepted.role,
        tokens: accepted.tokens.map(TokenAnswer::from),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
