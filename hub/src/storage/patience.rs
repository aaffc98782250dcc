//! How long somebody who cannot hurry the database waits for it: a socket, or who follows a log.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Result};

/// For a connection, a lock and the work, each at its own bound, and no longer when the way to the database swallows everything.
const WITHIN: Duration = Duration::from_secs(12);

/// Work on the database, for as long as somebody waits for it. What was asked may have been done. Boxed, because who is idle
/// should not hold the room that the work needs.
pub fn bounded<T>(work: impl Future<Output = Result<T>>) -> impl Future<Output = Result<T>> {
    let work = timeout(WITHIN, Box::pin(work));
    async move {
        work.await.unwrap_or_else(|late| {
            Err(Error::Unavailable {
                what: "the database",
                source: Some(late.into()),
            })
        })
    }
}
