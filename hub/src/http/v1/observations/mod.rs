//! `/v1/agents/{agent_id}/observations`

mod send_observation;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new().routes(routes!(send_observation::send_observation))
}
