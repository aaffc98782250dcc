//! Gauges of what waits in the database, sampled by whoever sweeps. Processes that sweep say the same, so an alarm takes the
//! largest.

use std::time::Duration;

use crate::{
    clock::DateTime,
    error::{Error, Result},
    hub::Hub,
    telemetry::metric,
};

/// A database that takes longer has other troubles, and the deadlines of commands must not wait for this.
const WITHIN: Duration = Duration::from_secs(3);

/// Reads what waits, and says it.
pub async fn sample(hub: &Hub) -> Result<()> {
    let sampled = tokio::time::timeout(WITHIN, read(hub)).await;
    sampled.unwrap_or_else(|_| {
        Err(Error::Unavailable {
            what: "the database",
            source: Some("what waits could not be counted in time".into()),
        })
    })
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
async fn read(hub: &Hub) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    let (now, waiting) = (tx.now(), tx.waiting().await?);
    let runnable_since = tx.jobs().oldest_runnable().await?;
    drop(tx);
    metrics::gauge!(metric::JOBS_OLDEST).set(age(now, runnable_since));
    metrics::gauge!(metric::UNDELIVERED).set(waiting.undelivered_commands as f64);
    metrics::gauge!(metric::UNACKNOWLEDGED).set(waiting.unacknowledged_commands as f64);
    metrics::gauge!(metric::SCRUB_LAG).set(age(now, waiting.unscrubbed_since));
    metrics::gauge!(metric::AUDIT_SEQUENCE_LAG).set(age(now, waiting.unsequenced_since));
    // What has no place yet is not in the store either.
    let unpublished = [waiting.unpublished_since, waiting.unsequenced_since];
    metrics::gauge!(metric::AUDIT_PUBLISH_LAG).set(age(now, unpublished.into_iter().flatten().min()));
    Ok(())
}

/// In seconds; 0 where nothing waits, or it was made just now by a clock that is ahead.
fn age(now: DateTime, since: Option<DateTime>) -> f64 {
    let age = since.and_then(|since| (now - since).to_std().ok());
    age.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn an_age_is_in_seconds_and_never_negative() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let ages = [
            None,
            Some(now),
            Some(now - TimeDelta::milliseconds(2_500)),
            Some(now + TimeDelta::hours(1)),
        ];
        let said = ages.map(|since| format!("{:.1}", age(now, since)));
        assert_eq!(said, ["0.0", "0.0", "2.5", "0.0"]);
    }
}
