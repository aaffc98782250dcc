//! `GET /v1/agents/{agent_id}/dead-jobs`

use axum::extract::State;

use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    jobs::DeadJob,
    page::Page,
};

/// List the jobs that were given up, oldest first, and why.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/dead-jobs", operation_id = "list_dead_jobs", tag = "jobs",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of dead jobs", body = Page<DeadJob>)))]
pub(super) async fn list_dead_jobs(
    may: May<perm::JobsRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<DeadJob>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let jobs = tx.jobs().dead(page).await?;
    Ok(Json(page.page(jobs, |job| job.id.0)))
}
