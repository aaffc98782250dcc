//! Renewing a lease: the sign of life of a worker that takes long over a job.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{
    error::{Error, Result},
    hub::Hub,
    storage::Lease,
};

/// Renewals in the life of a lease: two may fail before it ends.
const RENEWALS: u32 = 3;

/// How long a lease lives without a sign of life.
pub(super) fn life(hub: &Hub) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(hub.config.worker.lease_ms).unwrap_or(i64::MAX))
}

/// Renews a lease for as long as this is awaited, and ends when another worker holds the job.
pub(super) async fn until_lost(hub: &Hub, lease: &Lease) {
    let period = Duration::from_millis(hub.config.worker.lease_ms) / RENEWALS;
    loop {
        tokio::time::sleep(period).await;
        // One that the database swallows must not be the last.
        let renewed = tokio::time::timeout(period, renew(hub, lease)).await;
        match renewed {
            Ok(Err(Error::Conflict {
                code: "lease_lost", ..
            })) => return,
            Ok(Err(error)) => {
                tracing::warn!(job.id = %lease.id, error = error.chain(), "a lease could not be renewed");
            }
            Err(_) => tracing::warn!(job.id = %lease.id, "a lease was not renewed in time"),
            Ok(Ok(())) => {}
        }
    }
}

/// In a unit of work of its own, for what the job does is not committed before its end. A renewal that a crash takes back is
/// one that failed.
async fn renew(hub: &Hub, lease: &Lease) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    tx.jobs().renew(lease, life(hub)).await?;
    tx.commit_lazily().await
}
