//! `GET /v1/agents/{agent_id}/people/{person_id}/consents`

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::PersonPath;
use crate::{
    consents::{Consent, ConsentPurpose, list::list},
    http::{
        caller::{May, perm},
        extract::{Json, Path, Query},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    page::{Page, PageRequest},
};

/// Which consents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentQuery {
    /// For this purpose only.
    purpose: Option<ConsentPurpose>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

/// List what somebody has granted and withdrawn, newest first: a history, in which nothing is ever changed.
///
/// Everybody sees their own; owner and admins see everybody's. The audit log tells who has read whose, once a minute at most.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/people/{person_id}/consents", operation_id = "list_consents",
    tag = "consents", params(AgentPath, PersonPath, ConsentQuery),
    responses((status = OK, description = "A page of the history", body = Page<Consent>)))]
pub(super) async fn list_consents(
    may: May<perm::ConsentsRead>,
    State(hub): State<Hub>,
    Path(path): Path<PersonPath>,
    Query(query): Query<ConsentQuery>,
) -> Result<Json<Page<Consent>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let consents = list(&hub, &may.caller, path.whose()?, query.purpose, page).await?;
    Ok(Json(page.page(consents, |consent| consent.id.0)))
}
