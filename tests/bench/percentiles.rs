//! How a figure of many times is said.

use std::time::Duration;

/// p50, p99 and the largest, in milliseconds.
pub(crate) fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
            .as_secs_f64()
            * 1000.0
    };
    let largest = times.last().copied().unwrap_or_default().as_secs_f64() * 1000.0;
    format!(
        "n {:>5}   p50 {:>7.2} ms   p99 {:>7.2} ms   max {largest:>7.2} ms",
        times.len(),
        at(50),
        at(99)
    )
}
