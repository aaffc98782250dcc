//! Jobs and sweeps.

use serde::{Deserialize, Serialize};

use super::{ConfigError, within};

/// The section `worker`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerConfig {
    /// Whether `hub serve` also works on jobs.
    pub in_serve: bool,
    /// Jobs at once.
    pub concurrency: usize,
    /// How long a job may be held without a sign of life, in milliseconds.
    pub lease_ms: u64,
    /// How often tables are read when no bell rings, in milliseconds.
    pub poll_ms: u64,
    /// Tries of a job whose input is at fault, before it is dead.
    pub max_attempts: i32,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            in_serve: true,
            concurrency: 4,
            lease_ms: 60_000,
            poll_ms: 1_000,
            max_attempts: 5,
        }
    }
}

impl WorkerConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        within(
            (1..=256).contains(&self.concurrency),
            "worker.concurrency",
            "must be between 1 and 256",
        )?;
        within(self.lease_ms >= 500, "worker.lease_ms", "must be at least 500")?;
        within(self.poll_ms >= 10, "worker.poll_ms", "must be at least 10")?;
        within(
            self.max_attempts >= 1,
            "worker.max_attempts",
            "must be at least 1",
        )
    }
}
