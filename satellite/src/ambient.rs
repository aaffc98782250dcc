//! The three things that the satellite takes from the world around it without asking: the time, fresh ids, and chance.
//! Gathered here so that everything else is given them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::protocol::ClientId;

/// Now, by this machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the satellite runs without a hub's clock"
)]
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// An id that was never used before.
#[expect(clippy::disallowed_methods, reason = "the satellite runs without a hub's ids")]
#[must_use]
pub fn fresh_client_id() -> ClientId {
    Uuid::now_v7().into()
}

/// Somewhere between 0 and 1, different on each machine, so that satellites do not come back all at once.
pub(super) fn chance() -> f64 {
    // Without randomness the middle serves.
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
