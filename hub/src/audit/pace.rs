//! How often a half-full bundle may be written to the store, and how often what is done now and then is due.
//!
//! A publication writes the newest bundle whole, on average 128 entries or 0.1 MB, and a write-once store keeps each
//! partial object for 30 days. One publication a second for a month would be 250 GB. So a publisher may write every second
//! while something goes on, but over the day no more than one in half a minute: 9 GB a month for a hub that never rests,
//! and a few hundred MB for a home. Full bundles are never written twice, and count for nothing.

use std::time::{Duration, Instant};

/// Publications in a row: two minutes of one a second.
const BURST: u32 = 120;
/// One more after this long.
const REFILL: Duration = Duration::from_secs(30);

/// What a publisher may still write.
#[derive(Debug, Clone)]
pub struct Pace {
    left: u32,
    refilled_at: Instant,
}

impl Pace {
    /// A publisher that has written nothing yet.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            refilled_at: now,
        }
    }

    /// Takes one publication, if there is one left.
    pub fn take(&mut self, now: Instant) -> bool {
        while self.left < BURST && now.duration_since(self.refilled_at) >= REFILL {
            self.left += 1;
            self.refilled_at += REFILL;
        }
        if self.left == BURST {
            self.refilled_at = now;
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

/// Something that is done now and then.
#[derive(Debug, Clone)]
pub struct Every {
    period: Duration,
    done_at: Option<Instant>,
}

impl Every {
    /// Due at once, and then a period after it was done.
    #[must_use]
    pub const fn new(period: Duration) -> Self {
        Self {
            period,
            done_at: None,
        }
    }

    /// Whether it is time.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.done_at
            .is_none_or(|at| now.duration_since(at) >= self.period)
    }

    /// It was done; until this is said, it stays due.
    pub const fn done(&mut self, now: Instant) {
        self.done_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_hub_writes_every_second_for_two_minutes_and_then_every_half_minute() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut written = |seconds: std::ops::Range<u64>| {
            let at = |second| start + Duration::from_secs(second);
            seconds.filter(|second| pace.take(at(*second))).count()
        };
        assert_eq!(written(0..120), 120);
        assert_eq!(written(120..3_600), 119);
        // After an hour of rest all is as at the beginning.
        assert_eq!(written(7_200..7_320), 120);
    }
    #[test]
    fn what_failed_stays_due_and_what_was_done_is_due_a_period_later() {
        let start = Instant::now();
        let mut every = Every::new(Duration::from_mins(1));
        assert!(every.is_due(start) && every.is_due(start));
        every.done(start);
        assert!(!every.is_due(start + Duration::from_secs(59)));
        assert!(every.is_due(start + Duration::from_mins(1)));
    }
}
