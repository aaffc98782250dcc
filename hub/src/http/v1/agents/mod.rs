//! `/v1/agents/{agent_id}`

mod get_agent;
mod update_agent;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new().routes(routes!(get_agent::get_agent, update_agent::update_agent))
}
