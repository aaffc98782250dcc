//! `GET /v1/agents/{agent_id}/people/{person_id}`

use axum::extract::State;

use super::PersonPath;
use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    people::Person,
};

/// Get somebody whom the agent knows. Of who was merged into another, that one is the answer.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/people/{person_id}", operation_id = "get_person", tag = "people",
    params(AgentPath, PersonPath), responses((status = OK, description = "The person", body = Person)))]
pub(super) async fn get_person(
    may: May<perm::PeopleRead>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
) -> Result<Json<Person>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let id = tx.people().is_now(path.person_id).await?;
    let person = tx.people().find(id).await?;
    Ok(Json(person.ok_or(Error::NotFound { what: "person" })?))
}
