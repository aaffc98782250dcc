//! The tests that talk to the real thing, each on a database of its own.

mod policy;
mod routes;
mod sample;
mod storage;
