//! The write-once store that keeps the audit log out of the database's reach.

mod deadline;
mod directory;
pub(super) mod files;
mod rules;
mod s3;

use std::{error::Error, fmt, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::audit::tiles::ObjectName;

pub use deadline::Deadline;
pub use directory::WriteOnceDirectory;
pub use s3::{BucketCopy, Keeping, WriteOnceBucket};

/// How long a partial object is kept at least; a full one replaces it within minutes or months.
pub const PARTIAL_RETENTION: TimeDelta = TimeDelta::days(30);

/// A store whose objects are written once. Paths are of lower-case letters, digits, `.`, `_` and `-` between
/// slashes.
///
/// Every operation may be repeated: that is how a failed or interrupted write is mended.
#[async_trait]
pub trait WriteOnceStore: fmt::Debug + Send + Sync {
    /// Writes an object that must not exist yet, durably and wholly or not at all. The same bytes again are
    /// fine; other bytes are a [`StoreError::Conflict`], which for a log means that it was forked.
    async fn put_new(&self, path: &str, bytes: &[u8], retention: Retention) -> Result<Stored, StoreError>;

    /// Writes `checkpoint`, the one object that may be replaced, and only by one of a larger log: a write that was given up
    /// may still arrive, and must not put an older one over a newer.
    async fn replace_checkpoint(&self, bytes: &[u8]) -> Result<(), StoreError>;

    /// The bytes of an object, or nothing where there is none.
    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The paths of all objects that begin with `prefix`, sorted.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Deletes partial objects that are older than [`PARTIAL_RETENTION`] and superseded by a wider one, and
    /// nothing else. Returns how many.
    async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Reads what [`Self::describe`] tells, where that is not known by itself. Writes nothing, and needs only permission to read.
    async fn examine(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether the store can be written to now; looks again at what protects it. Leaves nothing behind.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Where it is, and what it really protects against.
    fn describe(&self) -> Description;
}

/// How long an object is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// For the whole retention of the log.
    Full,
    /// For [`PARTIAL_RETENTION`], and longer until it is superseded.
    Partial,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It was written.
    New,
    /// The same bytes were there already.
    AlreadySame,
}

/// What a store is, in words for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Which kind it is.
    pub kind: StoreKind,
    /// Where it is.
    pub place: String,
    /// Whether somebody other than the hub keeps its objects from being changed.
    pub is_enforced: bool,
    /// What it protects against, and what not; no more than was found, and without the place, so for everyone.
    pub protection: String,
}

/// The kinds of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// A directory.
    Directory,
    /// A bucket of S3.
    S3,
}

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not the path of an object.
    #[error("{path:?} cannot be the path of an object")]
    BadPath {
        /// The path given.
        path: String,
    },
    /// An object of that path exists with other bytes.
    #[error("{path} was written before with other bytes")]
    Conflict {
        /// Its path.
        path: String,
    },
    /// The store did not answer.
    #[error("the audit store did not answer within {limit:?} at {path:?}")]
    TimedOut {
        /// What was being read or written.
        path: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The store refuses until a person has mended what the sentence says.
    #[error("{problem}")]
    Refused {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The store could not be reached, or failed.
    #[error("the audit store failed at {path:?}")]
    Failed {
        /// What was being read or written.
        path: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::S3 => "s3",
        }
    }
}

impl Retention {
    /// How long an object of the log is kept.
    #[must_use]
    pub fn of(name: ObjectName) -> Self {
        if name.is_full() { Self::Full } else { Self::Partial }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.protection)
    }
}
