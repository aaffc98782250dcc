//! The outside world behind traits.

pub mod aws;
pub mod blobs;
pub mod body;
pub mod circuit;
pub mod collector;
pub mod issuers;
pub mod keys;
pub mod models;
pub mod queue;
pub mod s3;
pub mod secrets;
pub mod worm;
