//! The outside world behind traits.

pub mod keys;
pub mod worm;
