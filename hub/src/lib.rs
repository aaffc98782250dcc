//! hub

pub mod adapters;
pub mod audit;
pub mod commands;
pub mod satellite;
