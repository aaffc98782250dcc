//! The tests that talk to the real thing, each on a database of its own.

mod flows;
mod harness;
mod jobs;
mod satellite;
mod storage;
