//! Server-sent events: how a stream is answered, and where its reader was.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderName, request::Parts},
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::stream::{Stream, StreamExt};

use super::problem::Failed;
use crate::error::Error;

/// A comment this often, so that nobody between takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Where a reader was, as browsers say it.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The id of the last event that the reader got before, if it says one.
pub(super) fn last_event_id<T>(
    parts: &Parts,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Failed> {
    let Some(value) = parts.headers.get(&LAST_EVENT_ID) else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(read);
    let refused = || Error::Malformed("Last-Event-ID must be the id of an event of this stream".into());
    Ok(Some(id.ok_or_else(refused)?))
}

/// Answers with events, until they end.
pub(super) fn answer(
    events: impl Stream<Item = Event> + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events.map(Ok)).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}
