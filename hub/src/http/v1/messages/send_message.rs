//! `POST /v1/agents/{agent_id}/messages`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::Error,
    events::{ingest::Outcome, say::say},
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::Key,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::{self, EventId, TurnId},
    turns::Block,
};

/// What to say to the agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendMessageRequest {
    /// Your own id of the message: the same again is the same message. `Idempotency-Key` serves as well.
    client_id: Option<String>,
    /// 1 to 20 blocks.
    content: Vec<Block>,
}

/// What became of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SentMessage {
    /// `accepted`, `duplicate` or `discarded`.
    #[schema(example = "accepted")]
    outcome: &'static str,
    /// The event.
    event_id: Option<EventId>,
    /// The turn that answers it: `GET …/turns/{turn_id}?wait_s=20`.
    turn_id: Option<TurnId>,
    /// Why it was not kept.
    reason: Option<&'static str>,
}

/// Say something to the agent, in your direct conversation.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/messages", operation_id = "send_message", tag = "messages",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Serves as client_id")),
    request_body = SendMessageRequest, responses((status = ACCEPTED, description = "Taken in", body = SentMessage)))]
pub(super) async fn send_message(
    may: May<perm::MessagesWrite>,
    State(hub): State<Hub>,
    Key(key): Key,
    Json(body): Json<SendMessageRequest>,
) -> Result<(StatusCode, Json<SentMessage>), Failed> {
    let client_id = body.client_id.or(key).unwrap_or_else(|| ids::fresh().to_string());
    let outcome = say(&hub, &may.caller, &body.content, client_id).await?;
    let mut sent = SentMessage {
        outcome: "accepted",
        event_id: None,
        turn_id: None,
        reason: None,
    };
    match outcome {
        Outcome::Accepted { event, turn, .. } => (sent.event_id, sent.turn_id) = (Some(event), turn),
        Outcome::Duplicate { event } => {
            let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
            let turn_id = tx.turns().of_event(event).await?;
            sent = SentMessage {
                outcome: "duplicate",
                event_id: Some(event),
                turn_id,
                reason: None,
            };
        }
        Outcome::Discarded { reason } => (sent.outcome, sent.reason) = ("discarded", Some(reason)),
        Outcome::Rejected {
            reason: "conflict", ..
        } => {
            return Err(
                Error::conflict("client_id_reused", "this client_id was used for another message").into(),
            );
        }
        Outcome::Rejected { errors, .. } => return Err(Error::Invalid(errors).into()),
    }
    Ok((StatusCode::ACCEPTED, Json(sent)))
}
