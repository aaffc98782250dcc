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
    /// Of these, sockets of one agent's devices at most.
    pub max_sockets_per_agent: usize,
    /// How many sockets' messages the database works on at once; the others wait for their turn.
    pub work_at_once: usize,
    /// Of these, messages of one agent's devices at most.
    pub work_at_once_per_agent: usize,
    /// What all devices of one agent may say in a second, on this node; ten seconds' worth may come at once. Answers to commands
    /// do not count.
    pub messages_per_s_per_agent: u32,
}

impl Default for SatelliteConfig {
    fn default() -> Self {
        Self {
            heartbeat_ms: 15_000,
            hello_timeout_ms: 10_000,
            max_sockets: 12_000,
            // More than any household has; a twelfth of the node.
            max_sockets_per_agent: 1_000,
            // Half of the connections of the role that does most of it: the rest is for requests and jobs.
            work_at_once: 4,
            // What one agent appends is written one after the other anyway: one that writes, one that is prepared.
            work_at_once_per_agent: 2,
            // A third of what one agent's log bears, and far more than a household says.
            messages_per_s_per_agent: 500,
        }
    }
}

impl SatelliteConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // The hub itself looks twice a second.
        between(self.heartbeat_ms, 1_000..=600_000, "satellite.heartbeat_ms")?;
        // Satellites are promised no more than the protocol says.
        between(self.hello_timeout_ms, 100..=10_000, "satellite.hello_timeout_ms")?;
        between(self.max_sockets, 1..=1_000_000, "satellite.max_sockets")?;
        between(
            self.max_sockets_per_agent,
            1..=1_000_000,
            "satellite.max_sockets_per_agent",
        )?;
        between(self.work_at_once, 1..=1_000, "satellite.work_at_once")?;
        between(
            self.work_at_once_per_agent,
            1..=1_000,
            "satellite.work_at_once_per_agent",
        )?;
        between(
            self.messages_per_s_per_agent,
            1..=1_000_000,
            "satellite.messages_per_s_per_agent",
        )
    }
}
