//! How long what was forgotten stays on disks: the database's own, and those of backups.

use serde::{Deserialize, Serialize};

use super::{ConfigError, between};

/// The section `retention`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// After how many days the operator's backups are gone, copies of the write-ahead log among them. Receipts say it. 0: unknown,
    /// since the hub itself makes none.
    pub backups_days: u32,
    /// How long after something was forgotten the tables that held it are written anew, in seconds: what else is forgotten
    /// meanwhile goes along.
    pub scrub_after_s: u64,
    /// How long one table may take to be written anew, in seconds. Nobody can use it meanwhile.
    pub scrub_limit_s: u64,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            backups_days: 0,
            scrub_after_s: 600,
            scrub_limit_s: 600,
        }
    }
}

impl RetentionConfig {
    /// After how many days backups are gone, where that is known.
    #[must_use]
    pub const fn backups(&self) -> Option<u32> {
        match self.backups_days {
            0 => None,
            days => Some(days),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        between(self.backups_days, 0..=3_650, "retention.backups_days")?;
        // What is promised is a day.
        between(self.scrub_after_s, 0..=43_200, "retention.scrub_after_s")?;
        between(self.scrub_limit_s, 1..=3_600, "retention.scrub_limit_s")
    }
}
