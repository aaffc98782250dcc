//! The satellite channel: the WebSocket between a device and the hub.

pub mod protocol;
pub mod registry;
