//! The tests that talk to the real thing, each on a database of its own.

#[cfg(test)]
mod satellite;
mod storage;
