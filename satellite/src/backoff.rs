//! How long to wait before connecting again.

use std::time::Duration;

/// Short enough that a restarted hub is found at once.
const FIRST: Duration = Duration::from_millis(500);

/// Long enough that a household of satellites does not wear on a hub that is down, short enough for a person waiting.
const LONGEST: Duration = Duration::from_secs(15);

/// A wait that doubles with each failure, and is spread so that satellites come back one by one.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The hub answered; start again from the shortest wait.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait: between half and all of the doubled time. `chance` lies between 0 and 1.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let times = 2_u32.saturating_pow(self.failures);
        let wait = FIRST.saturating_mul(times).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        wait.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_again_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next(1.0)).collect();
        assert_eq!(waits[..3], [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!(waits[39], LONGEST);
        assert_eq!(backoff.next(0.0), LONGEST / 2);
        backoff.reset();
        assert_eq!(backoff.next(1.0), FIRST);
    }
}
