//! `GET /v1/agents/{agent_id}/tokens`

use axum::extract::State;

use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    identity::PersonalToken,
    page::Page,
};

/// List your personal access tokens, or everybody's as the owner: oldest first, with those that ended in the last weeks.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/tokens", operation_id = "list_tokens", tag = "tokens",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of tokens", body = Page<PersonalToken>)))]
pub(super) async fn list_tokens(
    may: May<perm::TokensRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PersonalToken>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let of = may.caller.sees_tokens_of();
    let tokens = tx.identity().personal_tokens(of, page).await?;
    Ok(Json(page.page(tokens, |token| token.id.0)))
}
