//! `GET /v1/agents/{agent_id}/turns/{turn_id}/stream`

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::sse::{Event, Sse},
};
use futures_util::stream::{Stream, unfold};
use serde_json::json;

use super::get_turn::TurnPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        sse::{answer, last_event_id},
        v1::AgentPath,
    },
    hub::Hub,
    turns::{
        follow::{Follower, Told},
        frame::Frame,
    },
};

/// The place after which somebody follows; 0 for the beginning.
#[derive(Debug)]
pub(super) struct After(i64);

impl FromRequestParts<Hub> for After {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Hub) -> Result<Self, Failed> {
        let place = |text: &str| text.parse().ok().filter(|place| *place >= 0);
        Ok(Self(last_event_id(parts, place)?.unwrap_or(0)))
    }
}

/// Follow what the agent says while it thinks.
///
/// Server-sent events: `delta` (`{"text"}`, more of the reply), `restart` (what was said so far does not count) and at the end
/// exactly one of `completed`, `skipped` and `dead` (the turn, with its final reply). Until `completed` everything is
/// provisional. The connection is closed after the end, and after a minute; whoever comes again sends `Last-Event-ID`. What was
/// said can be followed again for a day.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/turns/{turn_id}/stream", operation_id = "stream_turn", tag = "turns",
    params(AgentPath, TurnPath, ("Last-Event-ID" = Option<i64>, Header, description = "The id of the last event that came", minimum = 0)),
    responses((status = OK, description = "The stream", body = String, content_type = "text/event-stream")))]
pub(super) async fn stream_turn(
    may: May<perm::TurnsRead>,
    State(hub): State<Hub>,
    Path(path): Path<TurnPath>,
    After(after): After,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failed> {
    let follower = Follower::begin(&hub, may.caller, path.turn_id, after).await?;
    let events = unfold(follower, |mut follower| async move {
        let told = follower.next().await?;
        Some((event(told), follower))
    });
    Ok(answer(events))
}

fn event(told: Told) -> Event {
    let (id, kind, data) = match told {
        Told::Frame(Frame { ordinal, kind, text }) => {
            let data = text.map_or_else(|| json!({}), |text| json!({"text": text}));
            (ordinal, kind, data)
        }
        Told::End(ordinal, kind, turn) => (ordinal, kind, json!(turn)),
    };
    // JSON has no line ends of its own, so it fits one line.
    Event::default()
        .id(id.to_string())
        .event(kind.as_str())
        .data(data.to_string())
}
