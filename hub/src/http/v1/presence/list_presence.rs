//! `GET /v1/agents/{agent_id}/presence`

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
    recognition::Presence,
};

/// List who is where, as far as they allow that it is known, newest first. The audit log tells who has
/// looked, once a minute at most.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/presence", operation_id = "list_presence", tag = "recognition",
    params(AgentPath, PresenceQuery), responses((status = OK, description = "A page of presence", body = Page<Presence>)))]
pub(super) async fn list_presence(
    may: May<perm::PresenceRead>,
    State(hub): State<Hub>,
    Query(query): Query<PresenceQuery>,
) -> Result<Json<Page<Presence>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let since = tx.now() - hub.config.recognition.presence();
    let found = tx.recognition().present(query.space_id, since, page).await?;
    let found = page.page(found, |there| there.id.0);
    let record = Record::of("list_presence").on("agent", may.caller.agent.0);
    read(&hub, tx, &may.caller, record).await?;
    Ok(Json(found))
}
