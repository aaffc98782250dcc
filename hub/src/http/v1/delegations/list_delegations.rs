//! `GET /v1/agents/{agent_id}/delegations`

use axum::extract::State;

use crate::{
    delegations::Delegation,
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    page::Page,
};

/// List who may act for the agent: oldest first, with those that ended in the last weeks. A delegate sees its own delegation and
/// those below it.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/delegations", operation_id = "list_delegations", tag = "delegations",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of delegations", body = Page<Delegation>)))]
pub(super) async fn list_delegations(
    may: May<perm::DelegationsRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Delegation>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let found = tx.delegations().page(may.caller.delegation(), page).await?;
    Ok(Json(page.page(found, |delegation| delegation.id.0)))
}
