//! `POST /v1/agents/{agent_id}/actions/{action_id}/resolve`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ActionPath;
use crate::{
    actions::{
        Action,
        approve::Said,
        resolve::{Resolution, resolve},
    },
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// What became of an action whose end is unknown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveRequest {
    /// `done`, `not_done` or `retry`.
    resolution: Resolution,
    /// Why, at most 2,000 characters.
    reason: Option<String>,
}

/// Say what became of an action whose end is unknown: done, not done, or do it again.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/actions/{action_id}/resolve", operation_id = "resolve_action",
    tag = "actions",
    params(AgentPath, ActionPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = ResolveRequest, responses((status = OK, description = "The action as it is now", body = Action)))]
pub(super) async fn resolve_action(
    may: May<perm::ActionsDecide>,
    State(hub): State<Hub>,
    Path(path): Path<ActionPath>,
    key: Key,
    Json(body): Json<ResolveRequest>,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.action_id);
    let once = key.once(caller, "resolve_action", StatusCode::OK, &(id, &body))?;
    let said = Said {
        reason: body.reason,
        arguments_sha256: None,
    };
    let resolved = once.run(&hub, async |tx| {
        resolve(tx, caller, id, body.resolution, said).await
    });
    Ok(resolved.await?)
}
