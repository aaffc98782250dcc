//! How the store of artifacts is doing, as one process knows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::BlobError;
use crate::telemetry::metric;

/// The status of the store. Shared by all of a process.
#[derive(Debug, Default)]
pub struct BlobStatus(Mutex<BlobReport>);

/// What the status says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BlobReport {
    /// This process did not use it yet.
    #[default]
    Unasked,
    /// It answered when last asked.
    Answers,
    /// It did not.
    Away,
    /// It refuses until a person has mended it.
    Refuses,
}

impl BlobReport {
    /// What is in the way, in a sentence for everyone.
    #[must_use]
    pub const fn trouble(self) -> Option<&'static str> {
        match self {
            Self::Unasked | Self::Answers => None,
            Self::Away => Some("it is not reachable, too slow or broken"),
            Self::Refuses => Some("it refuses the hub: see the log and artifacts.store"),
        }
    }
}

impl BlobStatus {
    /// What is known now.
    #[must_use]
    pub fn report(&self) -> BlobReport {
        *self.now()
    }

    /// Notes what came of a call. Trouble is said once, when it begins, and once when it ends.
    pub(super) fn note(&self, error: Option<&BlobError>, place: &str) {
        let found = match error {
            None => BlobReport::Answers,
            Some(BlobError::Away(_)) => BlobReport::Away,
            Some(BlobError::Refused(_)) => BlobReport::Refuses,
        };
        let before = std::mem::replace(&mut *self.now(), found);
        if before == found {
            return;
        }
        metrics::gauge!(metric::ARTIFACTS_AWAY).set(if error.is_some() { 1.0 } else { 0.0 });
        match error {
            Some(error) => tracing::error!(
                %error,
                artifacts.store = place,
                "the store of artifacts is away: uploads and downloads wait, and all else goes on"
            ),
            None if before.trouble().is_some() => tracing::info!("the store of artifacts is back"),
            None => {}
        }
    }

    fn now(&self) -> MutexGuard<'_, BlobReport> {
        // One word, which is right whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
