//! `/v1/agents/{agent_id}/turns`

mod get_turn;
mod list_turns;
mod stream_turn;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_turns::list_turns))
        .routes(routes!(get_turn::get_turn))
        .routes(routes!(stream_turn::stream_turn))
}
