//! `GET /v1/agents/{agent_id}/memories`

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
    memory::{Memory, Tier},
    page::{Page, PageRequest},
};

/// Which memories.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MemoryQuery {
    /// Of this tier only.
    tier: Option<Tier>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

/// List what is remembered, newest first.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/memories", operation_id = "list_memories", tag = "memories",
    params(AgentPath, MemoryQuery), responses((status = OK, description = "A page of memories", body = Page<Memory>)))]
pub(super) async fn list_memories(
    may: May<perm::MemoriesRead>,
    State(hub): State<Hub>,
    Query(query): Query<MemoryQuery>,
) -> Result<Json<Page<Memory>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let memories = tx.memories().list(query.tier, page).await?;
    Ok(Json(page.page(memories, |memory| memory.id.0)))
}
