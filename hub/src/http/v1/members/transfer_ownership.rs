//! `POST /v1/agents/{agent_id}/members/{user_id}/transfer-ownership`

use axum::{extract::State, http::StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::MemberPath;
use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{
        Origin,
        transfer_ownership::{confirm, transfer_ownership as transfer},
    },
    storage::TxScope,
};

/// The owner, once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferOwnershipRequest {
    /// Your own password, typed again. Left out by who comes with a token of an issuer: they must have signed in there within the
    /// last 5 minutes, as `auth_time` says.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

/// Pass the agent on: this member or admin becomes its owner, and you an admin. Only the owner can, by a sign-in and with their
/// password, or just signed in at their issuer; only the new owner can undo it.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/members/{user_id}/transfer-ownership",
    operation_id = "transfer_ownership", tag = "members",
    params(AgentPath, MemberPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = TransferOwnershipRequest, responses((status = OK, description = "The new owner", body = crate::identity::Member)))]
pub(super) async fn transfer_ownership(
    may: May<perm::MembersWrite>,
    State(hub): State<Hub>,
    (from, key): (Origin, Key),
    Path(path): Path<MemberPath>,
    Json(body): Json<TransferOwnershipRequest>,
) -> Result<Answer, Failed> {
    let to = path.user_id;
    // Without the password, whose digest would stand in the database.
    let once = key.once(&may.caller, "transfer_ownership", StatusCode::OK, &to)?;
    // As the hub: whether somebody can sign in is no agent's to read.
    let once = once.in_scope(TxScope::WholeAgent(may.caller.agent));
    // Before the unit of work, which waits for nothing. Who has passed it on already is answered what they were.
    let confirmed = confirm(&hub, &may.caller, body.password, &from).await?;
    let transferred = once.run(&hub, async |tx| {
        transfer(tx, &may.caller, to, confirmed).await?;
        let member = tx.identity().member(to).await?;
        member.ok_or(Error::NotFound { what: "member" })
    });
    Ok(transferred.await?)
}
