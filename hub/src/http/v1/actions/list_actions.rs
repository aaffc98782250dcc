//! `GET /v1/agents/{agent_id}/actions`

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    actions::{Action, ActionState},
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    page::{Page, PageRequest},
    storage::ActionFilter,
};

/// Which actions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionQuery {
    /// In this state only: `proposed` is the inbox.
    state: Option<ActionState>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

/// List actions, newest first.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/actions", operation_id = "list_actions", tag = "actions",
    params(AgentPath, ActionQuery), responses((status = OK, description = "A page of actions", body = Page<Action>)))]
pub(super) async fn list_actions(
    may: May<perm::ActionsRead>,
    State(hub): State<Hub>,
    Query(query): Query<ActionQuery>,
) -> Result<Json<Page<Action>>, Failed> {
    let page = PageRequest::parse(query.cursor.as_deref(), query.limit)?;
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let actions = tx
        .actions()
        .list(ActionFilter {
            state: query.state,
            page,
        })
        .await?;
    Ok(Json(page.page(actions, |action| action.id.0)))
}
