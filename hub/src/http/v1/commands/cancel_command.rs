//! `POST /v1/agents/{agent_id}/commands/{command_id}/cancel`

use axum::{extract::State, http::StatusCode};

use super::get_command::CommandPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    mailbox::{Command, cancel::cancel},
};

/// Cancel a command. One that its device does not have yet never starts; one that it has may be under way, and its state
/// says what became of it once the device has answered.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/commands/{command_id}/cancel", operation_id = "cancel_command",
    tag = "commands",
    params(AgentPath, CommandPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    responses((status = OK, description = "The command as it is now", body = Command)))]
pub(super) async fn cancel_command(
    may: May<perm::CommandsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<CommandPath>,
    key: Key,
) -> Result<Answer, Failed> {
    let id = path.command_id;
    let once = key.once(&may.caller, "cancel_command", StatusCode::OK, &id)?;
    Ok(once.run(&hub, async |tx| cancel(tx, id).await).await?)
}
