//! `/v1/agents/{agent_id}/people/{person_id}/prints`

mod delete_print;
mod enrol_print;
mod list_prints;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::consents::PersonPath;
use crate::{consents::whose::Whose, error::Result, hub::Hub, ids::PrintId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_prints::list_prints, enrol_print::enrol_print))
        .routes(routes!(delete_print::delete_print))
}

/// The print of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct PrintPath {
    /// A person's id, or `self`: the person that you are to the agent.
    #[param(example = "self")]
    person_id: String,
    /// The print.
    print_id: PrintId,
}

impl PrintPath {
    fn whose(&self) -> Result<Whose> {
        PersonPath {
            person_id: self.person_id.clone(),
        }
        .whose()
    }
}
