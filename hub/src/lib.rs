//! hub

pub mod adapters;
pub mod audit;
