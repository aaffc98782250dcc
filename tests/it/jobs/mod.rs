//! The laws of jobs: one at a time in a lane, in order, never lost, never done twice.

mod expiry;
mod failures;
mod lanes;
mod leases;
mod lost;
mod model;
mod queue;
mod queue_away;
mod renewals;
