//! `GET /v1/agents/{agent_id}/members`

use axum::extract::State;

use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    identity::Member,
    page::Page,
};

/// List who belongs to the agent and as what, those who are blocked too. Guests see themselves only, at `/v1/me`.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/members", operation_id = "list_members", tag = "members",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of members", body = Page<Member>)))]
pub(super) async fn list_members(
    may: May<perm::MembersRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Member>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let members = tx.identity().members(page).await?;
    Ok(Json(page.page(members, |member| member.user_id.0)))
}
