//! The satellite channel: the WebSocket between a device and the hub.

pub mod client;
pub mod connection;
pub mod console;
mod deliver;
pub mod document;
#[cfg(test)]
mod documented;
pub mod hello;
pub mod operate;
pub mod outgoing;
pub mod protocol;
pub mod registry;
mod renew;
pub mod share;
mod subscriptions;
mod tell;
pub mod wanted;
pub mod watch;

use std::time::Duration;

use share::Work;

use crate::{
    error::{Error, Result},
    hub::Hub,
    ids::AgentId,
};

/// How long a socket waits for the database: for a connection, a lock and the work, each at its own bound, and no longer
/// when the way to it swallows everything. What was asked may have been done; the satellite asks again.
const DATABASE_WITHIN: Duration = Duration::from_secs(12);

/// Work on the database, for as long as a socket waits for it. Boxed, because an idle socket should not hold the room that
/// the work needs.
fn bounded<T>(work: impl Future<Output = Result<T>>) -> impl Future<Output = Result<T>> {
    let work = tokio::time::timeout(DATABASE_WITHIN, Box::pin(work));
    async move {
        work.await.unwrap_or_else(|late| {
            Err(Error::Unavailable {
                what: "the database",
                source: Some(late.into()),
            })
        })
    }
}

/// The same, in the sockets' [share](share::Share) of it.
fn in_turn<T>(
    hub: &Hub,
    agent: AgentId,
    work: impl Future<Output = Result<T>>,
) -> impl Future<Output = Result<T>> {
    let work = bounded(work);
    async move {
        let _room = hub.share.room(agent, Work::Message, DATABASE_WITHIN).await?;
        work.await
    }
}

/// The same for somebody who is not greeted yet.
fn in_turn_to_greet<T>(
    hub: &Hub,
    agent: AgentId,
    work: impl Future<Output = Result<T>>,
) -> impl Future<Output = Result<T>> {
    let work = bounded(work);
    async move {
        let _room = hub.share.room(agent, Work::Greeting, DATABASE_WITHIN).await?;
        work.await
    }
}
