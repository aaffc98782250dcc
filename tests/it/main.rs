//! The tests that talk to the real thing, each on a database of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this whole program is tests")]

mod artifacts;
mod audit;
mod delegations;
mod faults;
mod flows;
mod forgetting;
mod harness;
mod jobs;
mod people;
mod policy;
mod privacy;
mod recognition;
mod routes;
mod sample;
mod satellite;
mod start;
mod storage;
mod telemetry;
mod watching;
