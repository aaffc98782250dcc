//! `/v1/agents/{agent_id}/sessions`

mod forget_session;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new().routes(routes!(forget_session::forget_session))
}
