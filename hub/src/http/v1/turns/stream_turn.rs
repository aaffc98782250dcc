//! `GET /v1/agents/{agent_id}/turns/{turn_id}/stream`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderName, request::Parts},
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::stream::{Stream, unfold};
use serde_json::json;

use super::get_turn::TurnPath;
use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    turns::{
        follow::{Follower, Told},
        frame::Frame,
    },
};

/// A comment this often, so that nobody between takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Where a follower was, as browsers say it.
pub(in crate::http) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The place after which somebody follows; 0 for the beginning.
#[derive(Debug)]
pub(super) struct After(i64);

impl FromRequestParts<Hub> for After {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Hub) -> Result<Self, Failed> {
        let Some(value) = parts.headers.get(&LAST_EVENT_ID) else {
            return Ok(Self(0));
        };
        let place = value.to_str().ok().and_then(|text| text.parse().ok());
        let place = place.filter(|place| *place >= 0);
        let refused = || Error::Malformed("Last-Event-ID must be the id of an event of this stream".into());
        Ok(Self(place.ok_or_else(refused)?))
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
        Some((Ok(event(told)), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
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
