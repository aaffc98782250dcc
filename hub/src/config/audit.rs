//! The audit log.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ConfigError, DataDir, Place, between, within};

/// How often a directory is written when nobody says, in milliseconds.
const DIRECTORY_EVERY_MS: u64 = 1_000;
/// How often a bucket is: each time costs requests, and objects for 30 days.
const BUCKET_EVERY_MS: u64 = 60_000;

/// The section `audit`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// The log's name, the first line of every checkpoint.
    pub origin: String,
    /// Where the log is kept out of the database's reach: `s3://bucket/prefix` or `file:///directory`. Empty: `audit` in the
    /// data folder.
    pub store: String,
    /// What S3's Object Lock is asked for.
    pub retention_mode: RetentionMode,
    /// How long S3 keeps full objects from being changed or deleted, in days.
    pub retention_days: u32,
    /// Whether a bucket without Object Lock is refused.
    pub require_lock: bool,
    /// How often new entries are written to the store, in milliseconds: at most, and less often when a hub never rests,
    /// because each time costs disk for 30 days (see [`pace`](crate::audit::pace)). 0: every second into a directory, every
    /// minute into a bucket.
    pub publish_every_ms: u64,
}

/// The two kinds of retention that S3 knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionMode {
    /// Who holds `s3:BypassGovernanceRetention` can end it.
    Governance,
    /// Nobody can end it, the owner of the account included.
    Compliance,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            origin: "hub.local/audit".to_owned(),
            store: String::new(),
            // The one that can be taken back: what compliance locks by mistake is paid for until it ends.
            retention_mode: RetentionMode::Governance,
            retention_days: 365,
            require_lock: false,
            publish_every_ms: 0,
        }
    }
}

impl AuditConfig {
    /// Where the log is kept.
    #[must_use]
    pub fn place(&self, dir: &DataDir) -> Place {
        let directory: PathBuf = dir.join("audit");
        Place::parse_or(&self.store, directory).expect("the store was checked with the configuration")
    }

    /// How often new entries are written.
    #[must_use]
    pub fn publish_every(&self) -> Duration {
        Duration::from_millis(match self.publish_every_ms {
            0 if self.store.starts_with("s3://") => BUCKET_EVERY_MS,
            0 => DIRECTORY_EVERY_MS,
            every => every,
        })
    }

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
        if let Err(error) = Place::parse_or(&self.store, PathBuf::new()) {
            return Err(ConfigError::OutOfBounds {
                key: "audit.store",
                problem: error.to_string().into(),
            });
        }
        between(self.retention_days, 30..=36_500, "audit.retention_days")?;
        match self.publish_every_ms {
            0 => Ok(()),
            every => between(every, 50..=3_600_000, "audit.publish_every_ms"),
        }
    }
}
