//! The satellite channel: the WebSocket between a device and the hub.

pub mod client;
pub mod connection;
pub mod hello;
pub mod operate;
pub mod outgoing;
pub mod protocol;
pub mod registry;
pub mod watch;
