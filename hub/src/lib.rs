//! hub
pub mod satellite;
