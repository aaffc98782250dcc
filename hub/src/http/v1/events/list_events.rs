//! `GET /v1/agents/{agent_id}/events`

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    error::Error,
    events::{
        EventKind,
        list::{EventPage, list},
    },
    http::{
        caller::{May, perm},
        extract::{Json, Query},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::SessionId,
    page::{DEFAULT_LIMIT, MAX_LIMIT},
    storage::EventFilter,
};

/// Which part of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventQuery {
    /// A cursor: what comes after it is listed.
    #[param(example = "1:42")]
    after: Option<String>,
    /// Types, separated by commas.
    #[param(example = "transcript,message.agent")]
    types: Option<String>,
    /// Of this session only.
    session_id: Option<SessionId>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}

impl EventQuery {
    fn types(&self) -> Result<Vec<String>, Error> {
        let named = self.types.iter().flat_map(|types| types.split(','));
        let read = |name: &str| {
            EventKind::parse(name)
                .map(|_| name.to_owned())
                .ok_or_else(|| Error::invalid("?types", "names a type of event that there is not"))
        };
        named.map(read).collect()
    }
}

/// Read the log, in order. The cursor it ends with stays good: what comes later comes after it.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/events", operation_id = "list_events", tag = "events",
    params(AgentPath, EventQuery), responses((status = OK, description = "A part of the log", body = EventPage)))]
pub(super) async fn list_events(
    may: May<perm::EventsRead>,
    State(hub): State<Hub>,
    Query(query): Query<EventQuery>,
) -> Result<Json<EventPage>, Failed> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("?limit", format!("must be between 1 and {MAX_LIMIT}")).into());
    }
    let filter = EventFilter {
        after: 0,
        types: query.types()?,
        session: query.session_id,
        most: i64::from(limit),
    };
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    Ok(Json(list(&mut tx, query.after.as_deref(), filter).await?))
}
