//! How fast a device may report what it is like, and how fast all of one agent may speak. Each report that says something new is an
//! event and an audit entry of its agent, so that a sensor which reports every flicker would crowd out everything else. A device that
//! is refused lets its changes gather, and reports what came of them.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

/// The pace of a device's reports: two a second are as fast as people look, and twenty may come at once, as when somebody enters
/// a room.
pub const REPORTS: Rate = Rate {
    every: Duration::from_millis(500),
    burst: Duration::from_secs(10),
};

/// One every so often; more at once, as long as these come to no more than the burst.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// How long it takes until one more may come.
    pub every: Duration,
    /// How much may be ahead.
    pub burst: Duration,
}

impl Rate {
    /// Takes so many in, or says how long to wait. `even_at` is when all will be forgotten that came. More than the burst at once
    /// are taken when all is even.
    pub fn take(self, even_at: &mut Instant, count: u32, now: Instant) -> Result<(), Duration> {
        let before = (*even_at).max(now);
        let after = before + self.every * count;
        let ahead = after.duration_since(now);
        match ahead.checked_sub(self.burst) {
            Some(too_soon) if !too_soon.is_zero() && before > now => Err(too_soon.min(before - now)),
            _ => {
                *even_at = after;
                Ok(())
            }
        }
    }
}

/// The pace of one socket's reports.
#[derive(Debug)]
pub struct Pace(Mutex<Instant>);

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Pace {
    /// Takes a report in, or says how long to wait.
    pub fn take(&self) -> Result<(), Duration> {
        let mut even_at = self.0.lock().expect("no panic while held");
        REPORTS.take(&mut even_at, 1, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_two_a_second() {
        let start = Instant::now();
        let mut even_at = start;
        let mut taken = |at_ms: u64| REPORTS.take(&mut even_at, 1, start + Duration::from_millis(at_ms));
        for _ in 0..20 {
            assert_eq!(taken(0), Ok(()));
        }
        assert_eq!(taken(0), Err(REPORTS.every));
        assert_eq!(taken(400), Err(Duration::from_millis(100)));
        assert_eq!((taken(500), taken(500)), (Ok(()), Err(REPORTS.every)));
        // What was refused does not count, and a rest brings back a whole burst and no more.
        for _ in 0..20 {
            assert_eq!(taken(20_500), Ok(()));
        }
        assert_eq!(taken(20_500), Err(REPORTS.every));
    }
}
