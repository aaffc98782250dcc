//! `POST /v1/agents/{agent_id}/people`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    people::{Person, PersonChange, create_person::create_person as create},
};

/// Somebody new.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatePersonRequest {
    /// 1 to 200 characters.
    #[schema(example = "Nora")]
    name: String,
    /// What else they are called, at most 20; what a device says as `participant` is compared with these and the name.
    aliases: Option<Vec<String>>,
    /// What they are to the household, at most 500 characters.
    #[schema(example = "Ada's sister")]
    relationship: Option<String>,
}

/// Make somebody known to the agent. Nobody is called what somebody else is.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/people", operation_id = "create_person", tag = "people",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = CreatePersonRequest, responses((status = CREATED, description = "Known", body = Person)))]
pub(super) async fn create_person(
    may: May<perm::PeopleWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<CreatePersonRequest>,
) -> Result<Answer, Failed> {
    let once = key.once(&may.caller, "create_person", StatusCode::CREATED, &body)?;
    let new = PersonChange {
        name: Some(body.name),
        aliases: body.aliases,
        relationship: body.relationship,
    };
    Ok(once.run(&hub, async |tx| create(tx, new).await).await?)
}
