//! `/v1/agents/{agent_id}/people`

mod create_person;
mod forget_person;
mod get_person;
mod list_people;
mod merge_person;
mod update_person;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, ids::PersonId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_people::list_people, create_person::create_person))
        .routes(routes!(get_person::get_person, update_person::update_person))
        .routes(routes!(forget_person::forget_person))
        .routes(routes!(merge_person::merge_person))
}

/// The person of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PersonPath {
    /// The person.
    person_id: PersonId,
}
