//! `/v1/agents/{agent_id}/members`

mod leave_agent;
mod list_members;
mod remove_member;
mod transfer_ownership;
mod update_member;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, ids::UserId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_members::list_members))
        .routes(routes!(leave_agent::leave_agent))
        .routes(routes!(
            update_member::update_member,
            remove_member::remove_member
        ))
        .routes(routes!(transfer_ownership::transfer_ownership))
}

/// The member of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct MemberPath {
    /// The user who belongs to the agent.
    user_id: UserId,
}
