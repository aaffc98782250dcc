//! `GET /v1/agents/{agent_id}/presence/history`

use axum::extract::State;

use super::PresenceQuery;
use crate::{
    audit::{read::read, record::Record},
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    page::{Page, PageRequest},
    recognition::PastPresence,
};

/// List who was where, newest first: yourself, or as owner or admin everybody. It is kept for `recognition.keep_days`.
/// The audit log tells who has looked, once a minute at most.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/presence/history", operation_id = "list_past_presence",
    tag = "recognition", params(AgentPath, PresenceQuery),
    responses((status = OK, description = "A page of past presence", body = Page<PastPresence>)))]
pub(super) async fn list_past_presence(
    may: May<perm::PresenceRead>,
    State(hub): State<Hub>,
    Query(query): Query<PresenceQuery>,
) -> Result<Json<Page<PastPresence>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let of = may.caller.sees_recognised()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let found = tx.recognition().past(query.space_id, of, page).await?;
    let found = page.page(found, |past| past.id.0);
    let record = Record::of("list_past_presence").on("agent", may.caller.agent.0);
    read(&hub, tx, &may.caller, record).await?;
    Ok(Json(found))
}
