//! `/v1/agents/{agent_id}/memories` and `/v1/agents/{agent_id}/recall`

mod forget_memory;
mod list_memories;
mod recall_memories;
mod share_memory;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_memories::list_memories))
        .routes(routes!(recall_memories::recall_memories))
        .routes(routes!(forget_memory::forget_memory))
        .routes(routes!(share_memory::share_memory))
}
