//! `GET /v1/agents/{agent_id}/people`

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
    people::Person,
};

/// List whom the agent knows, newest first, without those who were forgotten.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/people", operation_id = "list_people", tag = "people",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of people", body = Page<Person>)))]
pub(super) async fn list_people(
    may: May<perm::PeopleRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Person>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let people = tx.people().list(page).await?;
    Ok(Json(page.page(people, |person| person.id.0)))
}
