//! The authoritative hub of a personal AI agent.
//!
//! The modules in layer order: each may use those above it, never those below.

pub mod backoff;
pub mod canonical;
pub mod clock;
pub mod error;
pub mod ids;
pub mod page;
pub mod secret;
pub use hub_satellite::tls;

pub mod config;
pub mod lifecycle;
pub mod telemetry;

pub mod actions;
pub mod artifacts;
pub mod audit;
pub mod consents;
pub mod delegations;
pub mod devices;
pub mod erasures;
pub mod events;
pub mod identity;
pub mod mailbox;
pub mod memory;
pub mod pairings;
pub mod people;
pub mod places;
pub mod recognition;
pub mod sessions;
pub mod turns;

pub mod adapters;
pub mod storage;

pub mod http;
pub mod jobs;
pub mod satellite;

pub mod commands;
pub mod hub;
