//! `/v1/agents/{agent_id}/events`

mod forget_event;
mod list_events;
mod stream_events;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_events::list_events))
        .routes(routes!(stream_events::stream_events))
        .routes(routes!(forget_event::forget_event))
}
