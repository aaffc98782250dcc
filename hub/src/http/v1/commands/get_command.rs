//! `GET /v1/agents/{agent_id}/commands/{command_id}`

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::CommandId,
    mailbox::Command,
};

/// The command of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct CommandPath {
    /// The command.
    pub(super) command_id: CommandId,
}

/// Get a command.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/commands/{command_id}", operation_id = "get_command",
    tag = "commands", params(AgentPath, CommandPath), responses((status = OK, description = "The command", body = Command)))]
pub(super) async fn get_command(
    may: May<perm::CommandsRead>,
    State(hub): State<Hub>,
    Path(path): Path<CommandPath>,
) -> Result<Json<Command>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let command = tx.commands().find(path.command_id).await?;
    Ok(Json(command.ok_or(Error::NotFound { what: "command" })?))
}
