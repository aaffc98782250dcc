//! What people and satellites do, from end to end through the operations.

mod ingest;
mod privacy;
mod together;
