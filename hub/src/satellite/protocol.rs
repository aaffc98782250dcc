//! The frames of the channel. They are a crate of their own ([`hub_satellite`]), for whoever makes a satellite.

pub use hub_satellite::protocol::*;
