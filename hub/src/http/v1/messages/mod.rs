//! `/v1/agents/{agent_id}/messages`

mod send_message;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new().routes(routes!(send_message::send_message))
}
