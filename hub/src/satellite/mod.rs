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
mod subscriptions;
mod tell;
mod upgrade;
pub mod wanted;
pub mod watch;

use crate::storage::bounded;
