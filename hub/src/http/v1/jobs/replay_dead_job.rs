//! `POST /v1/agents/{agent_id}/dead-jobs/{job_id}/replay`

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::JobId,
    jobs::replay::replay,
    storage::TxScope,
};

/// The job of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct JobPath {
    /// The job.
    job_id: JobId,
}

/// Queue a dead job anew. A job that is not dead is not found, so repeating this is harmless.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/dead-jobs/{job_id}/replay", operation_id = "replay_dead_job",
    tag = "jobs", params(AgentPath, JobPath), responses((status = NO_CONTENT, description = "Queued")))]
pub(super) async fn replay_dead_job(
    may: May<perm::JobsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<JobPath>,
) -> Result<StatusCode, Failed> {
    // The turn of a job may belong to one person's talk: an operator replays it without seeing it.
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(may.caller.agent), may.caller.actor())
        .await?;
    replay(&mut tx, path.job_id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
