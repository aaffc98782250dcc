//! The artifacts: where their bytes are, and how many one may have.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConfigError, DataDir, Place, between};

/// The most that S3 takes in one upload.
const MOST: u64 = 5 * 1024 * 1024 * 1024;

/// The section `artifacts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactsConfig {
    /// Where the bytes are: `s3://bucket/prefix` or `file:///directory`. Empty: `artifacts` in the data folder.
    pub store: String,
    /// Bytes of one artifact at most.
    pub max_bytes: u64,
}

impl Default for ArtifactsConfig {
    fn default() -> Self {
        Self {
            store: String::new(),
            // A few minutes of video; an hour of speech.
            max_bytes: 100 * 1024 * 1024,
        }
    }
}

impl ArtifactsConfig {
    /// Where the bytes are.
    #[must_use]
    pub fn place(&self, dir: &DataDir) -> Place {
        Place::parse_or(&self.store, dir.join("artifacts"))
            .expect("the store was checked with the configuration")
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Err(error) = Place::parse_or(&self.store, PathBuf::new()) {
            return Err(ConfigError::OutOfBounds {
                key: "artifacts.store",
                problem: error.to_string().into(),
            });
        }
        between(self.max_bytes, 1_024..=MOST, "artifacts.max_bytes")
    }
}
