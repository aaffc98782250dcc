//! `GET /v1/agents/{agent_id}/turns`

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
    page::{Page, PageRequest},
    turns::{Turn, TurnState},
};

/// Which turns.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TurnQuery {
    /// In this state only.
    state: Option<TurnState>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

/// List turns, newest first.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/turns", operation_id = "list_turns", tag = "turns",
    params(AgentPath, TurnQuery), responses((status = OK, description = "A page of turns", body = Page<Turn>)))]
pub(super) async fn list_turns(
    may: May<perm::TurnsRead>,
    State(hub): State<Hub>,
    Query(query): Query<TurnQuery>,
) -> Result<Json<Page<Turn>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let turns = tx.turns().list(query.state.map(TurnState::as_str), page).await?;
    Ok(Json(page.page(turns, |turn| turn.id.0)))
}
