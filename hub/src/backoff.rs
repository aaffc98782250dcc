//! How long to wait before a thing is tried again: longer each time, and never for ever.

use std::time::Duration;

/// The first wait, doubled for each failure before, and at most the longest.
#[must_use]
pub fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let times = 2_u32.saturating_pow(failures);
    first.saturating_mul(times).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_the_longest_however_often_it_failed() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_mins(5));
        let waits =
            [0, 1, 2, 8, 9, 31, 32, u32::MAX].map(|failures| doubled(first, failures, longest).as_secs());
        assert_eq!(waits, [1, 2, 4, 256, 300, 300, 300, 300]);
    }
}
