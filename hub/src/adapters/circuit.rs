//! A circuit to a far side: what is away is asked by one probe at a time, at growing intervals, instead of by everyone.
//!
//! Open, it refuses at once and says when to come again. After that time one caller may try; the others wait for what it
//! finds. It is of one process: several processes probe each for itself.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;

use crate::{backoff::doubled, clock::DateTime};

/// The first wait after a failure; it doubles with each one that follows.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two probes, so that the end of an outage is noticed within a minute.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// A probe that never says what it found is taken for lost after this, which is longer than any call may take.
const PROBE_LIFE: Duration = Duration::from_mins(1);

/// The circuit.
#[derive(Debug, Default)]
pub struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Failures in a row; closed when none.
    failures: u32,
    /// Nobody may try before.
    opens_at: Option<DateTime>,
}

impl Circuit {
    /// Whether to try now; otherwise after how long to ask again.
    pub fn enter(&self, now: DateTime) -> Result<(), Duration> {
        let mut state = self.lock();
        let Some(opens_at) = state.opens_at else {
            return Ok(());
        };
        let left = (opens_at - now).to_std().unwrap_or_default();
        // A clock that was set back must not keep it open for longer than it could be.
        if !left.is_zero() && left <= LONGEST_WAIT {
            return Err(left);
        }
        // This caller is the probe; until it has told what it found, the others wait.
        state.opens_at = Some(after(now, PROBE_LIFE));
        Ok(())
    }

    /// The far side answered. True when it had been away.
    pub fn answered(&self) -> bool {
        std::mem::take(&mut *self.lock()).failures > 0
    }

    /// The far side is away, and perhaps said for how long. Returns how long to wait, and whether this is the first failure.
    pub fn failed(&self, now: DateTime, asked_for: Option<Duration>) -> (Duration, bool) {
        let mut state = self.lock();
        let wait = asked_for.map_or_else(
            || doubled(FIRST_WAIT, state.failures, LONGEST_WAIT),
            |asked_for| asked_for.clamp(FIRST_WAIT, LONGEST_WAIT),
        );
        state.failures = state.failures.saturating_add(1);
        state.opens_at = Some(after(now, wait));
        (wait, state.failures == 1)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; and a circuit that forgot would only probe once more.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after(now: DateTime, wait: Duration) -> DateTime {
    now + TimeDelta::from_std(wait).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> DateTime {
        after(DateTime::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    #[test]
    fn one_probe_at_a_time_and_each_later_than_the_one_before() {
        let circuit = Circuit::default();
        let may = |now| circuit.enter(now).is_ok();
        assert!(may(at(0)) && may(at(0)), "closed, everyone may");
        let mut now = 0;
        for (seconds, is_first) in [(1, true), (2, false), (4, false)] {
            let wait = Duration::from_secs(seconds);
            assert_eq!(circuit.failed(at(now), None), (wait, is_first));
            assert_eq!(circuit.enter(at(now)), Err(wait));
            now += seconds;
            assert!(may(at(now)));
            assert!(!may(at(now)), "one is on its way");
        }
        assert!(circuit.answered());
        assert!(!circuit.answered() && may(at(now)));
        assert_eq!(circuit.failed(at(now), None).0, FIRST_WAIT, "it begins anew");
    }

    #[test]
    fn what_the_far_side_asks_for_is_kept_within_bounds() {
        let circuit = Circuit::default();
        let wait = |asked| circuit.failed(at(0), Some(asked)).0;
        assert_eq!(wait(Duration::from_secs(20)).as_secs(), 20);
        assert_eq!(wait(Duration::from_hours(9)), LONGEST_WAIT);
        assert_eq!(wait(Duration::ZERO), FIRST_WAIT);
    }

    #[test]
    fn neither_a_lost_probe_nor_a_clock_set_back_keeps_it_open() {
        let circuit = Circuit::default();
        circuit.failed(at(1_000_000), None);
        assert!(circuit.enter(at(1_000_001)).is_ok());
        assert!(circuit.enter(at(1_000_001)).is_err());
        assert!(circuit.enter(at(1_000_061)).is_ok());
        circuit.failed(at(1_000_061), None);
        assert!(circuit.enter(at(5)).is_ok());
    }
}
