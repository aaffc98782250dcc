//! What the `hub` binary can be told to do, one file or folder per command.

pub mod audit;
pub mod satellite;
