//! `/v1/agents/{agent_id}/dead-jobs`

mod list_dead_jobs;
mod replay_dead_job;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_dead_jobs::list_dead_jobs))
        .routes(routes!(replay_dead_job::replay_dead_job))
}
