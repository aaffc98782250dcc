//! `POST /v1/agents/{agent_id}/pairings/reject`

use axum::{extract::State, http::StatusCode};

use super::UserCodeRequest;
use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::Origin,
    pairings::{
        Pairing,
        find::{read, tried},
        reject::reject,
    },
    storage::TxScope,
};

/// Send the device that shows a code away.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/pairings/reject", operation_id = "reject_pairing", tag = "pairings",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = UserCodeRequest, responses((status = OK, description = "Who asked", body = Pairing)))]
pub(super) async fn reject_pairing(
    may: May<perm::DevicesWrite>,
    State(hub): State<Hub>,
    from: Origin,
    key: Key,
    Json(body): Json<UserCodeRequest>,
) -> Result<Answer, Failed> {
    let (caller, code) = (&may.caller, read(&body.user_code)?);
    let once = key.once(caller, "reject_pairing", StatusCode::OK, &body)?;
    // Pairings belong to no agent, so this is done as the hub.
    let once = once.in_scope(TxScope::WholeAgent(caller.agent));
    // Boxed, for it is large and a request holds it only here.
    let rejected = Box::pin(once.run(&hub, async |tx| reject(tx, caller, &code).await));
    Ok(tried(&hub, caller, &from, rejected).await?)
}
