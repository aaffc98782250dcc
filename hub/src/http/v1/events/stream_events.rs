//! `GET /v1/agents/{agent_id}/events/stream`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::sse::{Event, Sse},
};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};
use utoipa::IntoParams;

use crate::{
    error::Error,
    events::{
        cursor::Cursor,
        stream::{EventStream, Told},
        topic::Topics,
    },
    http::{
        caller::{May, perm},
        extract::Query,
        problem::Failed,
        sse::{answer, last_event_id},
        v1::AgentPath,
    },
    hub::Hub,
};

/// Who takes nothing for this long reads too slowly, and comes again.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// What waits for a reader at most: what is given to whoever writes is told, even when the reader was revoked meanwhile.
const AHEAD: usize = 1;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    /// Topics, separated by commas: `*`, a type such as `turn.ended`, or a family of types such as `message.*`; with `@` and a
    /// space's id after it only of that space. Everything, if not said.
    #[param(example = "message.*,turn.ended")]
    topics: Option<String>,
    /// A cursor: what came after it comes first. From now on, if neither this nor `Last-Event-ID` says otherwise.
    #[param(example = "1:42")]
    since: Option<String>,
}

impl StreamQuery {
    fn topics(&self) -> Result<Topics, Error> {
        let Some(topics) = &self.topics else {
            return Ok(Topics::all());
        };
        Topics::parse(topics.split(',')).map_err(|(_, wrong)| Error::invalid("?topics", wrong))
    }

    fn since(&self) -> Result<Option<Cursor>, Error> {
        let read = |text: &String| {
            Cursor::parse(text).ok_or_else(|| Error::invalid("?since", "must look like 1:42"))
        };
        self.since.as_ref().map(read).transpose()
    }
}

/// The last event that a reader got before.
#[derive(Debug)]
pub(super) struct LastSeen(Option<Cursor>);

impl FromRequestParts<Hub> for LastSeen {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Hub) -> Result<Self, Failed> {
        Ok(Self(last_event_id(parts, Cursor::parse)?))
    }
}

/// Watch what happens.
///
/// Server-sent events: first `started` (`{"cursor", "resumed"}`: all that comes after the cursor follows; when a place was asked
/// for and `resumed` is false, the log does not go on from there, and what is before the cursor must be read from `GET /events`),
/// then each `event` once and in order (as `GET /events` lists it), and at the end `goodbye` (`{"reason"}`: `time`, `restart`,
/// `revoked` or `changed`). The id of each is its cursor: whoever comes again sends the last one as `Last-Event-ID`, and misses
/// nothing. A reader who takes nothing for ten seconds is let go.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/events/stream", operation_id = "stream_events", tag = "events",
    params(AgentPath, StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came")),
    responses((status = OK, description = "The stream", body = String, content_type = "text/event-stream")))]
pub(super) async fn stream_events(
    may: May<perm::EventsRead>,
    State(hub): State<Hub>,
    Query(query): Query<StreamQuery>,
    LastSeen(seen): LastSeen,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failed> {
    let after = seen.or(query.since()?);
    let stream = EventStream::begin(&hub, may.caller, query.topics()?, after).await;
    let stream = stream.map_err(of_query)?;
    let (give, take) = mpsc::channel(AHEAD);
    hub.lifecycle.spawn(pump(stream, give));
    let events = unfold(take, |mut take| async move {
        let told = take.recv().await?;
        Some((event(told), take))
    });
    Ok(answer(events))
}

/// What is wrong with a topic is wrong with the parameter that names it.
fn of_query(error: Error) -> Error {
    let Error::Invalid(mut errors) = error else {
        return error;
    };
    for error in &mut errors {
        "?topics".clone_into(&mut error.pointer);
    }
    Error::Invalid(errors)
}

/// Carries what is said to whoever writes it, until one of them ends. First there must be room, so that what is said next is
/// asked for when it can be said.
async fn pump(mut stream: EventStream, give: mpsc::Sender<Told>) {
    while let Ok(Ok(room)) = timeout(WRITE_WITHIN, give.reserve()).await {
        let told = tokio::select! {
            told = stream.next() => told,
            () = give.closed() => return,
        };
        let Some(told) = told else { return };
        room.send(told);
    }
}

fn event(told: Told) -> Event {
    // JSON has no line ends of its own, so it fits one line.
    match told {
        Told::Started(start) => {
            let cursor = start.cursor.to_string();
            let said = json!({"cursor": cursor, "resumed": start.is_resumed});
            Event::default()
                .id(cursor)
                .event("started")
                .data(said.to_string())
        }
        Told::Event(item) => {
            let said = json!(item.event);
            Event::default()
                .id(&item.event.cursor)
                .event("event")
                .data(said.to_string())
        }
        Told::Over(over) => {
            let said = json!({"reason": over.as_str()});
            Event::default().event("goodbye").data(said.to_string())
        }
    }
}
