//! hub

pub mod audit;
