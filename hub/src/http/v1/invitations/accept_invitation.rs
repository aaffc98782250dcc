//! `POST /v1/invitations/accept`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::{Error, Result},
    events::payload::check_name,
    http::{
        caller::bearer,
        extract::{Json, StrangersJson},
        problem::Failed,
        v1::sign_in::TokenAnswer,
    },
    hub::Hub,
    identity::{
        Origin, Role,
        accept_invitation::{Accepting, accept_invitation as accept},
        credentials::{Proven, authenticate},
        newcomer::Newcomer,
    },
    ids::AgentId,
};

/// Who accepts, with which code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptInvitationRequest {
    /// The one-time code.
    #[schema(value_type = String, example = "ABCDE-FGHJK-LMNPQ-RSTUV")]
    code: SecretString,
    /// The login name: a new one, or one that exists with its password. Left out, with the password, by who is signed in and sends
    /// their access token.
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
    /// The tokens of a new sign-in; absent for who was signed in.
    #[serde(flatten)]
    tokens: Option<TokenAnswer>,
}

/// Join an agent with the one-time code of an invitation: by a login name and password, or by the access token of a sign-in.
#[utoipa::path(post, path = "/v1/invitations/accept", operation_id = "accept_invitation", tag = "members",
    request_body = AcceptInvitationRequest,
    responses((status = CREATED, description = "Joined", body = AcceptedInvitation)))]
pub(super) async fn accept_invitation(
    State(hub): State<Hub>,
    from: Origin,
    headers: HeaderMap,
    StrangersJson(body): StrangersJson<AcceptInvitationRequest>,
) -> Result<(StatusCode, Json<AcceptedInvitation>), Failed> {
    let who = match (body.name, body.password) {
        (Some(name), Some(password)) => by_password(name, password, from)?,
        (None, None) => by_sign_in(&hub, &headers, from).await?,
        (None, Some(_)) => return Err(Error::invalid("/name", "is missing beside the password").into()),
        (Some(_), None) => return Err(Error::invalid("/password", "is missing beside the name").into()),
    };
    let accepted = accept(&hub, &body.code, who).await?;
    let answer = AcceptedInvitation {
        agent_id: accepted.agent,
        role: accepted.role,
        tokens: accepted.tokens.map(TokenAnswer::from),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

fn by_password(name: String, password: SecretString, from: Origin) -> Result<Accepting> {
    check_name(&name, 100).map_err(|detail| Error::invalid("/name", detail))?;
    Ok(Accepting::Newcomer(Newcomer { name, password, from }))
}

async fn by_sign_in(hub: &Hub, headers: &HeaderMap, from: Origin) -> Result<Accepting> {
    match authenticate(hub, &bearer(headers)?).await? {
        Proven::User(who) => Ok(Accepting::SignedIn(who.user, from)),
        Proven::Device(_) | Proven::Token(_) => Err(Error::Forbidden {
            scope: "a user's sign-in",
        }),
    }
}
