//! The audit log.

use serde::{Deserialize, Serialize};

use super::{ConfigError, between, within};

/// The section `audit`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// The log's name, the first line of every checkpoint.
    pub origin: String,
    /// How often new entries are written to the store, in milliseconds: at most, and less often when a hub never rests,
    /// because each time costs disk for 30 days (see [`pace`](crate::audit::pace)).
    pub publish_every_ms: u64,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            origin: "hub.local/audit".to_owned(),
            publish_every_ms: 1_000,
        }
    }
}

impl AuditConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_name = (1..=200).contains(&self.origin.len())
            && !self
                .origin
                .contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        within(
            is_name,
            "audit.origin",
            "must be one word of 1 to 200 bytes without '+'",
        )?;
        between(self.publish_every_ms, 50..=3_600_000, "audit.publish_every_ms")
    }
}
