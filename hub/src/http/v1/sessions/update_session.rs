//! `PATCH /v1/agents/{agent_id}/sessions/{session_id}`

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::SessionPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::authorize::only_signed_in,
    sessions::{Session, update_session::update_session as update},
};

/// What is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateSessionRequest {
    /// `false`: nothing that is said in it is kept from now on, nor answered; its open turns end at once. It stays so until
    /// somebody says `true`: silence does not end it.
    #[schema(example = false)]
    is_recorded: bool,
}

/// Switch the recording of an open session off or on.
///
/// What is said meanwhile is answered `discarded` with the reason `no_recording`. What was kept before stays.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}/sessions/{session_id}", operation_id = "update_session",
    tag = "sessions", params(AgentPath, SessionPath), request_body = UpdateSessionRequest,
    responses((status = OK, description = "The session as it is now", body = Session)))]
pub(super) async fn update_session(
    may: May<perm::SessionsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<SessionPath>,
    Json(body): Json<UpdateSessionRequest>,
) -> Result<Json<Session>, Failed> {
    if body.is_recorded {
        // No program begins to listen again.
        only_signed_in(&may.caller)?;
    }
    // The turns of a session have its audience: who may see the one may see the others.
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let session = update(&mut tx, path.session_id, body.is_recorded).await?;
    tx.commit().await?;
    Ok(Json(session))
}
