//! `/v1/agents/{agent_id}/commands`

mod cancel_command;
mod get_command;
mod list_commands;
mod send_command;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_commands::list_commands, send_command::send_command))
        .routes(routes!(get_command::get_command))
        .routes(routes!(cancel_command::cancel_command))
}
