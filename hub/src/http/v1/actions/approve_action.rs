//! `POST /v1/agents/{agent_id}/actions/{action_id}/approve`

use axum::{extract::State, http::StatusCode};

use super::{ActionPath, DecisionRequest};
use crate::{
    actions::{Action, approve::approve},
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Approve an action: it is executed with exactly the arguments it holds.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/actions/{action_id}/approve", operation_id = "approve_action",
    tag = "actions",
    params(AgentPath, ActionPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = DecisionRequest, responses((status = OK, description = "The action as it is now", body = Action)))]
pub(super) async fn approve_action(
    may: May<perm::ActionsDecide>,
    State(hub): State<Hub>,
    Path(path): Path<ActionPath>,
    key: Key,
    Json(body): Json<DecisionRequest>,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.action_id);
    let once = key.once(caller, "approve_action", StatusCode::OK, &(id, &body))?;
    let decided = once.run(&hub, async |tx| approve(tx, caller, id, body.into()).await);
    Ok(decided.await?)
}
