//! The satellite channel.

use serde::{Deserialize, Serialize};

use super::{ConfigError, between};

/// The section `satellite`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SatelliteConfig {
    /// A device that says nothing for two of these is gone, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a device has to say hello, in milliseconds.
    pub hello_timeout_ms: u64,
    /// Sockets on this node at most.
    pub max_sockets: usize,
}

impl Default for SatelliteConfig {
    fn default() -> Self {
        Self {
            heartbeat_ms: 15_000,
            hello_timeout_ms: 10_000,
            max_sockets: 12_000,
        }
    }
}

impl SatelliteConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        between(self.heartbeat_ms, 100..=600_000, "satellite.heartbeat_ms")?;
        // Satellites are promised no more than the protocol says.
        between(self.hello_timeout_ms, 100..=10_000, "satellite.hello_timeout_ms")?;
        between(self.max_sockets, 1..=1_000_000, "satellite.max_sockets")
    }
}
