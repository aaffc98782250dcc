//! Jobs and sweeps.

use serde::{Deserialize, Serialize};

use super::{ConfigError, between};

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
        between(self.concurrency, 1..=256, "worker.concurrency")?;
        between(self.lease_ms, 500..=3_600_000, "worker.lease_ms")?;
        between(self.poll_ms, 10..=60_000, "worker.poll_ms")?;
        between(self.max_attempts, 1..=100, "worker.max_attempts")
    }
}
