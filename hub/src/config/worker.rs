//! Jobs and sweeps.

use std::net::{AddrParseError, SocketAddr};

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
    /// Where `hub worker` says how it is.
    pub listen: OperationsListen,
}

/// An address for `/healthz`, `/readyz` and `/metrics`, or nowhere, which is written as nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperationsListen(pub Option<SocketAddr>);

impl TryFrom<String> for OperationsListen {
    type Error = AddrParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_set = !text.is_empty();
        is_set.then(|| text.parse()).transpose().map(Self)
    }
}

impl From<OperationsListen> for String {
    fn from(OperationsListen(address): OperationsListen) -> Self {
        address.map_or_else(Self::new, |address| address.to_string())
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            in_serve: true,
            concurrency: 4,
            lease_ms: 60_000,
            poll_ms: 1_000,
            max_attempts: 5,
            listen: OperationsListen::default(),
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
