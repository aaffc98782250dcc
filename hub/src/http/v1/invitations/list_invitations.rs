//! `GET /v1/agents/{agent_id}/invitations`

use axum::extract::State;

use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    identity::Invitation,
    page::Page,
};

/// List invitations: oldest first, with those that ended in the last weeks.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/invitations", operation_id = "list_invitations", tag = "members",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of invitations", body = Page<Invitation>)))]
pub(super) async fn list_invitations(
    may: May<perm::MembersWrite>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Invitation>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let invitations = tx.identity().invitations(page).await?;
    Ok(Json(page.page(invitations, |invitation| invitation.id.0)))
}
