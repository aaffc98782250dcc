//! `POST /v1/agents/{agent_id}/sessions/{session_id}/forget`

use axum::{extract::State, http::StatusCode};

use super::SessionPath;
use crate::{
    erasures::Target,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::{
            AgentPath,
            erasures::{ForgetAnswer, ForgetRequest, carry_out},
        },
    },
    hub::Hub,
};

/// Forget everything that was said in a session, and all that came of it. What is said next begins a new one.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/sessions/{session_id}/forget", operation_id = "forget_session", tag = "sessions",
    params(AgentPath, SessionPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = ForgetRequest, responses((status = OK, description = "What went, or would go", body = ForgetAnswer)))]
pub(super) async fn forget_session(
    may: May<perm::ErasuresWrite>,
    State(hub): State<Hub>,
    Path(path): Path<SessionPath>,
    key: Key,
    Json(body): Json<ForgetRequest>,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.session_id);
    let once = key.once(caller, "forget_session", StatusCode::OK, &(id, &body))?;
    let target = Target::Session(id);
    Ok(carry_out(&hub, caller, once, target, body.dry_run).await?)
}
