//! How fast the socket of a device may report what that is like. Each report that says something new is an event and an audit entry of its agent,
//! so that a sensor which reports every flicker would crowd out everything else. A device that is refused lets its changes gather,
//! and reports what came of them.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// Reports that may come at once: all that changes when somebody enters a room.
pub const BURST: u32 = 20;
/// How long it takes until one more may come: two a second are as fast as people look.
pub const ONE_EVERY: Duration = Duration::from_millis(500);

/// The pace of one socket; a device has one.
#[derive(Debug, Default)]
pub struct Pace {
    /// When all will be forgotten that came; none: nothing did.
    even_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// Takes a report in, or says how long to wait.
    pub fn take(&self) -> Result<(), Duration> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Result<(), Duration> {
        let mut even_at = self.even_at.lock().expect("no panic while held");
        let before = even_at.map_or(now, |at| at.max(now));
        let after = before + ONE_EVERY;
        match after.duration_since(now).checked_sub(ONE_EVERY * BURST) {
            Some(too_soon) if !too_soon.is_zero() => Err(too_soon),
            _ => {
                *even_at = Some(after);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_two_a_second() {
        let (pace, start) = (Pace::default(), Instant::now());
        let taken = |at_ms: u64| pace.take_at(start + Duration::from_millis(at_ms));
        for _ in 0..BURST {
            assert_eq!(taken(0), Ok(()));
        }
        assert_eq!(taken(0), Err(ONE_EVERY));
        assert_eq!(taken(400), Err(Duration::from_millis(100)));
        assert_eq!((taken(500), taken(500)), (Ok(()), Err(ONE_EVERY)));
        // What was refused does not count, and a rest brings back a whole burst and no more.
        let rested = 500 + 1_000 * u64::from(BURST);
        for _ in 0..BURST {
            assert_eq!(taken(rested), Ok(()));
        }
        assert_eq!(taken(rested), Err(ONE_EVERY));
    }
}
