//! `GET /v1/agents/{agent_id}/hypotheses`

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    audit::{read::read, record::Record},
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    page::{Page, PageRequest},
    recognition::{Hypothesis, HypothesisState},
};

/// Which hypotheses.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HypothesisQuery {
    /// In this state only.
    state: Option<HypothesisState>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

/// List who may have been seen or heard, newest first: yourself, or as owner or admin everybody. The audit log tells who has
/// looked, once a minute at most.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/hypotheses", operation_id = "list_hypotheses", tag = "recognition",
    params(AgentPath, HypothesisQuery),
    responses((status = OK, description = "A page of hypotheses", body = Page<Hypothesis>)))]
pub(super) async fn list_hypotheses(
    may: May<perm::RecognitionRead>,
    State(hub): State<Hub>,
    Query(query): Query<HypothesisQuery>,
) -> Result<Json<Page<Hypothesis>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let of = may.caller.sees_recognised()?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let found = tx.recognition().hypotheses(of, query.state, page).await?;
    let shown = found.into_iter().map(|one| one.as_seen_by(&may.caller)).collect();
    let found = page.page(shown, |hypothesis: &Hypothesis| hypothesis.id.0);
    let record = Record::of("list_hypotheses").on("agent", may.caller.agent.0);
    read(&hub, tx, &may.caller, record).await?;
    Ok(Json(found))
}
