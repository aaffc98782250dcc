//! The outside world behind traits.

pub mod aws;
pub mod circuit;
pub mod collector;
pub mod keys;
pub mod models;
pub mod worm;
