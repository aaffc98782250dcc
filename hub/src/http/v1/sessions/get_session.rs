//! `GET /v1/agents/{agent_id}/sessions/{session_id}`

use axum::extract::State;

use super::SessionPath;
use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    sessions::Session,
};

/// Get a session.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/sessions/{session_id}", operation_id = "get_session",
    tag = "sessions", params(AgentPath, SessionPath),
    responses((status = OK, description = "The session", body = Session)))]
pub(super) async fn get_session(
    may: May<perm::SessionsRead>,
    State(hub): State<Hub>,
    Path(path): Path<SessionPath>,
) -> Result<Json<Session>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let session = tx.sessions().find(path.session_id).await?;
    Ok(Json(session.ok_or(Error::NotFound { what: "session" })?))
}
