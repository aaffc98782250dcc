//! `POST /v1/agents/{agent_id}/events/{event_id}/forget`

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

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
    ids::EventId,
};

/// The event of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct EventPath {
    /// The event.
    event_id: EventId,
}

/// Forget what an event held, and all that came of it: memories, the answer, actions. That it happened stays.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/events/{event_id}/forget", operation_id = "forget_event", tag = "events",
    params(AgentPath, EventPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = ForgetRequest, responses((status = OK, description = "What went, or would go", body = ForgetAnswer)))]
pub(super) async fn forget_event(
    may: May<perm::ErasuresWrite>,
    State(hub): State<Hub>,
    Path(path): Path<EventPath>,
    key: Key,
    Json(body): Json<ForgetRequest>,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.event_id);
    let once = key.once(caller, "forget_event", StatusCode::OK, &(id, &body))?;
    let target = Target::Event(id);
    Ok(carry_out(&hub, caller, once, target, body.dry_run).await?)
}
