//! The satellite channel: the WebSocket between a device and the hub.

pub mod client;
pub mod connection;
pub mod console;
mod deliver;
pub mod document;
#[cfg(test)]
mod documented;
pub mod echo;
pub mod hello;
pub mod operate;
pub mod outgoing;
pub mod pace;
pub mod protocol;
mod pulse;
pub mod registry;
mod renew;
mod report;
pub mod share;
mod subscriptions;
mod tell;
mod upgrade;
pub mod wanted;
pub mod watch;

use std::time::Duration;

use share::Work;

use crate::{error::Result, hub::Hub, ids::AgentId, storage::bounded};

/// How long a socket waits for its turn, before the database's own bound begins. What was asked was not done; the satellite asks
/// again.
const TURN_WITHIN: Duration = Duration::from_secs(12);

/// Work on the database in the sockets' [share](share::Share) of it.
fn in_turn<T>(
    hub: &Hub,
    agent: AgentId,
    work: impl Future<Output = Result<T>>,
) -> impl Future<Output = Result<T>> {
    take_turn(hub, agent, Work::Message, work)
}

/// The same for somebody who is not greeted yet.
fn in_turn_to_greet<T>(
    hub: &Hub,
    agent: AgentId,
    work: impl Future<Output = Result<T>>,
) -> impl Future<Output = Result<T>> {
    take_turn(hub, agent, Work::Greeting, work)
}

fn take_turn<T>(
    hub: &Hub,
    agent: AgentId,
    why: Work,
    work: impl Future<Output = Result<T>>,
) -> impl Future<Output = Result<T>> {
    let work = bounded(work);
    async move {
        let _room = hub.share.room(agent, why, TURN_WITHIN).await?;
        work.await
    }
}
