//! `/v1/claim`

mod claim_agent;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new().routes(routes!(claim_agent::claim_agent))
}
