//! A clock that stands still until it is moved.

use std::sync::{Arc, Mutex};

use chrono::TimeZone;
use hub::clock::{Clock, DateTime};

/// The hub's time in a test. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<DateTime>>);

impl Default for TestClock {
    /// Noon of a day that is the same in every run.
    fn default() -> Self {
        let noon = chrono::Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).single();
        Self(Arc::new(Mutex::new(
            noon.expect("the first of March has one noon"),
        )))
    }
}

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, by: chrono::Duration) {
        *self.0.lock().expect("no panic while held") += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime {
        *self.0.lock().expect("no panic while held")
    }
}
