//! `GET /v1/agents/{agent_id}/spaces`

use axum::extract::State;

use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    page::Page,
    places::Space,
};

/// List spaces, oldest first.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/spaces", operation_id = "list_spaces", tag = "spaces",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of spaces", body = Page<Space>)))]
pub(super) async fn list_spaces(
    may: May<perm::SpacesRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Space>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let spaces = tx.places().spaces(page).await?;
    Ok(Json(page.page(spaces, |space| space.id.0)))
}
