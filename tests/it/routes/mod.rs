//! The REST edge, request by request.

mod actions;
mod bad_input;
mod claim;
mod commands;
mod connections;
mod dead_jobs;
mod devices;
mod events;
mod fuzz;
mod identity;
mod memories;
mod messages;
mod operations;
mod pairing_flood;
mod pairings;
mod rotation;
mod sign_in;
mod spaces;
mod throttle;
mod turns;
