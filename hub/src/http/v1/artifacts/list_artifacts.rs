//! `GET /v1/agents/{agent_id}/artifacts`

use axum::extract::State;

use crate::{
    artifacts::Artifact,
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::{AgentPath, PageQuery},
    },
    hub::Hub,
    page::Page,
};

/// List artifacts, newest first, those whose bytes are awaited among them.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/artifacts", operation_id = "list_artifacts", tag = "artifacts",
    params(AgentPath, PageQuery), responses((status = OK, description = "A page of artifacts", body = Page<Artifact>)))]
pub(super) async fn list_artifacts(
    may: May<perm::ArtifactsRead>,
    State(hub): State<Hub>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Artifact>>, Failed> {
    let page = query.request()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let artifacts = tx.artifacts().list(page).await?;
    Ok(Json(page.page(artifacts, |artifact| artifact.id.0)))
}
