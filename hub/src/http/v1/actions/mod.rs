//! `/v1/agents/{agent_id}/actions`

mod approve_action;
mod get_action;
mod list_actions;
mod reject_action;
mod resolve_action;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{actions::approve::Said, hub::Hub, ids::ActionId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_actions::list_actions))
        .routes(routes!(get_action::get_action))
        .routes(routes!(approve_action::approve_action))
        .routes(routes!(reject_action::reject_action))
        .routes(routes!(resolve_action::resolve_action))
}

/// The action of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ActionPath {
    /// The action.
    action_id: ActionId,
}

/// What is said with a decision.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// Why, at most 2,000 characters.
    reason: Option<String>,
    /// The arguments that you saw, as the action says them: refused if it holds others.
    arguments_sha256: Option<String>,
}

impl From<DecisionRequest> for Said {
    fn from(said: DecisionRequest) -> Self {
        Self {
            reason: said.reason,
            arguments_sha256: said.arguments_sha256,
        }
    }
}
