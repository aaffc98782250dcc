//! `/v1/agents/{agent_id}/people/{person_id}/consents`

mod grant_consent;
mod list_consents;
mod withdraw_consent;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    consents::whose::Whose,
    error::{Error, Result},
    hub::Hub,
    ids::PersonId,
};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(
            list_consents::list_consents,
            grant_consent::grant_consent
        ))
        .routes(routes!(withdraw_consent::withdraw_consent))
}

/// The person of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PersonPath {
    /// A person's id, or `self`: the person that you are to the agent.
    #[param(example = "self")]
    pub(super) person_id: String,
}

impl PersonPath {
    pub(super) fn whose(&self) -> Result<Whose> {
        if self.person_id == "self" {
            return Ok(Whose::Own);
        }
        let id = Uuid::parse_str(&self.person_id);
        let id = id.map_err(|_| Error::invalid("{person_id}", "is neither an id nor self"))?;
        Ok(Whose::Of(PersonId(id)))
    }
}
