//! `/v1/pairings` for devices without a credential, as RFC 8628 says it, and `/v1/agents/{agent_id}/pairings` for people.

mod approve_pairing;
mod find_pairing;
mod oauth;
mod poll_pairing;
mod reject_pairing;
mod start_pairing;
mod verification_page;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub use verification_page::{PAGE, verification_page};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(start_pairing::start_pairing))
        .routes(routes!(poll_pairing::poll_pairing))
        .routes(routes!(find_pairing::find_pairing))
        .routes(routes!(approve_pairing::approve_pairing))
        .routes(routes!(reject_pairing::reject_pairing))
}

/// The code that a device shows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserCodeRequest {
    /// In any case, with or without the dash.
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
}
