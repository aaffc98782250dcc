//! `PATCH /v1/agents/{agent_id}/people/{person_id}`

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::PersonPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    people::{Person, PersonChange, update_person::update_person as update},
};

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdatePersonRequest {
    /// 1 to 200 characters.
    name: Option<String>,
    /// What else they are called, all of it; at most 20.
    aliases: Option<Vec<String>>,
    /// What they are to the household, at most 500 characters.
    relationship: Option<String>,
}

/// Change what somebody is called, and what they are to the household.
///
/// No program changes what somebody with a login is called. A name of somebody who has withdrawn a consent, or is blocked, is taken away by
/// themself or by the owner. Nobody is called what somebody else is.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}/people/{person_id}", operation_id = "update_person", tag = "people",
    params(AgentPath, PersonPath), request_body = UpdatePersonRequest,
    responses((status = OK, description = "The person as they are now", body = Person)))]
pub(super) async fn update_person(
    may: May<perm::PeopleWrite>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    Json(body): Json<UpdatePersonRequest>,
) -> Result<Json<Person>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let change = PersonChange {
        name: body.name,
        aliases: body.aliases,
        relationship: body.relationship,
    };
    let person = update(&mut tx, &may.caller, path.person_id, change).await?;
    tx.commit().await?;
    Ok(Json(person))
}
