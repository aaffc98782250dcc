//! Time is passed in, so that tests can move it.

use std::sync::Arc;

use chrono::{SubsecRound, Utc};

/// An instant in UTC with microseconds, the precision of Postgres. Of this name, so that the API document knows its
/// form.
pub type DateTime = chrono::DateTime<Utc>;

/// Where the hub's time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, cut to microseconds so that what was written equals what is read back.
    fn now(&self) -> DateTime;
}

/// The shared handle of a clock.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the system clock is read"
    )]
    fn now(&self) -> DateTime {
        Utc::now().trunc_subsecs(6)
    }
}
