//! Removes what was superseded and may go.

use std::sync::atomic::Ordering;

use aws_sdk_s3::{operation::head_object::HeadObjectOutput, types::ObjectVersion};
use chrono::{DateTime, Utc};

use super::{PARTIAL, WriteOnceBucket};
use crate::adapters::{
    aws::Fault,
    worm::{PARTIAL_RETENTION, StoreError, rules::Widest},
};

/// Where partial objects are. Not `checkpoint`, whose versions are many and say when the log was how long.
const SERIES: [&str; 2] = ["tile/", "checkpoints/"];

/// Versions that one sweep looks at, of each series: more than come in an hour, and few enough to end in time.
const AT_ONCE: usize = 200;

/// A version of a partial object.
struct Candidate {
    path: String,
    /// None where the bucket keeps no versions, and so has but this one.
    version: Option<String>,
}

impl WriteOnceBucket {
    /// Deletes old versions of superseded partials whose retention has ended. A hub that may not list, look at or delete
    /// versions keeps everything, which is no fault; it is told so once, and asks no more.
    pub(super) async fn sweep_versions(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut count = 0;
        if self.is_sweep_denied.load(Ordering::Relaxed) {
            return Ok(count);
        }
        for series in SERIES {
            match self.sweep_series(series, now, &mut count).await {
                Ok(()) => {}
                Err(Fault::Denied(said)) => {
                    self.is_sweep_denied.store(true, Ordering::Relaxed);
                    tracing::info!(said, "S3 keeps superseded objects of the audit store");
                    break;
                }
                Err(fault) => return Err(self.failed(series, fault)),
            }
        }
        Ok(count)
    }

    async fn sweep_series(&self, series: &str, now: DateTime<Utc>, count: &mut u64) -> Result<(), Fault> {
        for candidate in self.candidates(series, now).await? {
            if self.may_go(&candidate, now).await? {
                self.delete(&candidate).await?;
                *count += 1;
            }
        }
        Ok(())
    }

    /// Versions that are old enough and have a wider object beside them. Reads no further than it takes to find enough.
    async fn candidates(&self, series: &str, now: DateTime<Utc>) -> Result<Vec<Candidate>, Fault> {
        let (mut widest, mut old) = (Widest::default(), Vec::new());
        let (mut after_key, mut after_version) = (None, None);
        loop {
            let asked = self
                .client
                .list_object_versions()
                .bucket(&self.address.bucket)
                .prefix(self.address.key(series))
                .set_key_marker(after_key)
                .set_version_id_marker(after_version);
            let page = asked.send().await.map_err(|error| Fault::of(&error))?;
            for found in page.versions() {
                let Some(path) = found.key().and_then(|key| key.strip_prefix(&self.address.prefix)) else {
                    continue;
                };
                // An older version, or one under a delete marker, is nothing that a reader would find.
                if found.is_latest() == Some(true) {
                    widest.note(path);
                }
                if is_old(found, now) {
                    old.push(Candidate {
                        path: path.to_owned(),
                        version: found.version_id().filter(|id| *id != "null").map(str::to_owned),
                    });
                }
            }
            let ripe = old
                .iter()
                .filter(|found: &&Candidate| widest.has_superseded(&found.path));
            if page.is_truncated() != Some(true) || ripe.count() >= AT_ONCE {
                break;
            }
            after_key = page.next_key_marker().map(str::to_owned);
            after_version = page.next_version_id_marker().map(str::to_owned);
        }
        old.retain(|candidate| widest.has_superseded(&candidate.path));
        old.truncate(AT_ONCE);
        Ok(old)
    }

    /// Whether it was stored as a partial one, and no retention holds it.
    async fn may_go(&self, candidate: &Candidate, now: DateTime<Utc>) -> Result<bool, Fault> {
        let asked = self
            .client
            .head_object()
            .bucket(&self.address.bucket)
            .key(self.address.key(&candidate.path))
            .set_version_id(candidate.version.clone());
        match asked.send().await {
            Ok(found) => Ok(is_partial(&found) && is_free(&found, now)),
            Err(error) => match Fault::of(&error) {
                Fault::Missing(_) => Ok(false),
                fault => Err(fault),
            },
        }
    }

    async fn delete(&self, candidate: &Candidate) -> Result<(), Fault> {
        let asked = self
            .client
            .delete_object()
            .bucket(&self.address.bucket)
            .key(self.address.key(&candidate.path))
            .set_version_id(candidate.version.clone());
        asked.send().await.map(drop).map_err(|error| Fault::of(&error))
    }
}

fn is_old(found: &ObjectVersion, now: DateTime<Utc>) -> bool {
    let written_at = found
        .last_modified()
        .and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
    written_at.is_some_and(|at| at + PARTIAL_RETENTION < now)
}

fn is_partial(found: &HeadObjectOutput) -> bool {
    let said = found.metadata().and_then(|metadata| metadata.get(PARTIAL.0));
    said.is_some_and(|said| said == PARTIAL.1)
}

fn is_free(found: &HeadObjectOutput, now: DateTime<Utc>) -> bool {
    let until = found.object_lock_retain_until_date();
    until.is_none_or(|until| until.secs() < now.timestamp())
}
