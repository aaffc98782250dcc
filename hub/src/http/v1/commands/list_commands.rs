//! `GET /v1/agents/{agent_id}/commands`

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::DeviceId,
    mailbox::Command,
    page::{Page, PageRequest},
};

/// Which commands.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandQuery {
    /// To this device only.
    device_id: Option<DeviceId>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

/// List commands, newest first.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/commands", operation_id = "list_commands", tag = "commands",
    params(AgentPath, CommandQuery), responses((status = OK, description = "A page of commands", body = Page<Command>)))]
pub(super) async fn list_commands(
    may: May<perm::CommandsRead>,
    State(hub): State<Hub>,
    Query(query): Query<CommandQuery>,
) -> Result<Json<Page<Command>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let commands = tx.commands().list(query.device_id, page).await?;
    Ok(Json(page.page(commands, |command| command.id.0)))
}
