//! What a hub tells the machines that watch it: traces and metrics.

mod metrics;
mod story;
mod traces;
