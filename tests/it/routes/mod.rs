//! The REST edge, request by request.

mod bad_input;
mod events;
mod sign_in;
