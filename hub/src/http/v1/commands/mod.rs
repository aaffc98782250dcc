//! `/v1/agents/{agent_id}/commands`

mod get_command;
mod list_commands;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_commands::list_commands))
        .routes(routes!(get_command::get_command))
}
