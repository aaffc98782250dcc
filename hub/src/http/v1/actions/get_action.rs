//! `GET /v1/agents/{agent_id}/actions/{action_id}`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::ActionPath;
use crate::{
    actions::{Action, ActionAttempt, ActionDecision},
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// An action with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionDetail {
    /// The action.
    action: Action,
    /// Who decided what, oldest first.
    decisions: Vec<ActionDecision>,
    /// Each try, oldest first.
    attempts: Vec<ActionAttempt>,
}

/// Get an action with its decisions and attempts.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/actions/{action_id}", operation_id = "get_action", tag = "actions",
    params(AgentPath, ActionPath), responses((status = OK, description = "The action", body = ActionDetail)))]
pub(super) async fn get_action(
    may: May<perm::ActionsRead>,
    State(hub): State<Hub>,
    Path(path): Path<ActionPath>,
) -> Result<Json<ActionDetail>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let stored = tx
        .actions()
        .find(path.action_id)
        .await?
        .ok_or(Error::NotFound { what: "action" })?;
    let decisions = tx.actions().decisions(path.action_id).await?;
    let attempts = tx.actions().attempts(path.action_id).await?;
    Ok(Json(ActionDetail {
        action: stored.action,
        decisions,
        attempts,
    }))
}
