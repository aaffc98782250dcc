//! hub
pub mod commands;
pub mod satellite;
