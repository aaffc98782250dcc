//! `GET /v1/agents/{agent_id}/turns/{turn_id}`

use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path, Query},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::TurnId,
    turns::{Turn, wait::wait},
};

/// Seconds that a request may wait: below the usual limits of proxies.
const MAX_WAIT_S: u32 = 30;

/// The turn of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TurnPath {
    /// The turn.
    pub(super) turn_id: TurnId,
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// Wait until the turn has ended, at most so many seconds (0 to 30).
    wait_s: Option<u32>,
}

/// Get a turn with its reply, waiting for its end if asked to.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/turns/{turn_id}", operation_id = "get_turn", tag = "turns",
    params(AgentPath, TurnPath, WaitQuery), responses((status = OK, description = "The turn", body = Turn)))]
pub(super) async fn get_turn(
    may: May<perm::TurnsRead>,
    State(hub): State<Hub>,
    Path(path): Path<TurnPath>,
    Query(query): Query<WaitQuery>,
) -> Result<Json<Turn>, Failed> {
    let seconds = query.wait_s.unwrap_or(0);
    if seconds > MAX_WAIT_S {
        return Err(Error::invalid("?wait_s", format!("must be at most {MAX_WAIT_S}")).into());
    }
    let limit = Duration::from_secs(u64::from(seconds));
    Ok(Json(wait(&hub, &may.caller, path.turn_id, limit).await?))
}
