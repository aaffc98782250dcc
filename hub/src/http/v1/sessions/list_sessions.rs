//! `GET /v1/agents/{agent_id}/sessions`

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
    ids::SpaceId,
    page::{Page, PageRequest},
    sessions::Session,
};

/// Which sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionQuery {
    /// In this space only.
    space_id: Option<SpaceId>,
    /// Only those that go on.
    #[serde(default)]
    is_open: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

/// List sessions, newest first.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/sessions", operation_id = "list_sessions", tag = "sessions",
    params(AgentPath, SessionQuery),
    responses((status = OK, description = "A page of sessions", body = Page<Session>)))]
pub(super) async fn list_sessions(
    may: May<perm::SessionsRead>,
    State(hub): State<Hub>,
    Query(query): Query<SessionQuery>,
) -> Result<Json<Page<Session>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let sessions = tx.sessions().list(query.space_id, query.is_open, page).await?;
    Ok(Json(page.page(sessions, |session| session.id.0)))
}
