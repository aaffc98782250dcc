//! `GET /v1/agents/{agent_id}/erasures`

use axum::extract::State;

use crate::{
    erasures::Erasure,
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    page::Page,
};

/// List what was forgotten, newest first: how much, and when; never what.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/erasures", operation_id = "list_erasures", tag = "erasures",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of erasures", body = Page<Erasure>)))]
pub(super) async fn list_erasures(
    may: May<perm::ErasuresRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Erasure>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let erasures = tx.erasures().list(page).await?;
    Ok(Json(page.page(erasures, |erasure| erasure.id.0)))
}
