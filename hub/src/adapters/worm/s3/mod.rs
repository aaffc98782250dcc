//! A bucket of S3 as a write-once store.
//!
//! Every object is put on the condition that its name is free, and, where the bucket has Object Lock, with a retention of its
//! own: full ones for the configured days, partial ones and each version of `checkpoint` for 30. `checkpoint` is replaced on
//! the condition that it is still the one that was read. A bucket with versioning keeps every version that was replaced or
//! deleted; those of `checkpoint` stay until a lifecycle rule of the bucket ends them.

mod copy;
mod protection;
mod sweep;

use std::{
    fmt,
    sync::{Mutex, MutexGuard, atomic::AtomicBool},
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    operation::put_object::builders::PutObjectFluentBuilder,
    primitives::{ByteStream, DateTime as S3Time},
    types::{ChecksumAlgorithm, ObjectLockMode},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::{
    Description, PARTIAL_RETENTION, Retention, StoreError, StoreKind, Stored, WriteOnceStore,
    rules::{is_as_new, is_path},
};
use crate::{
    adapters::{
        aws::Fault,
        s3::{client, for_a_person, is_no_object},
    },
    audit::tiles::CHECKPOINT_PATH,
    clock::SharedClock,
    config::{AuditConfig, BucketAddress, RetentionMode},
};

pub use copy::BucketCopy;
use protection::Protection;

/// What the hub must be permitted.
const NEEDS: &str = "s3:PutObject, s3:GetObject and s3:PutObjectRetention on its objects, and s3:ListBucket, \
                     s3:GetBucketVersioning and s3:GetBucketObjectLockConfiguration on the bucket";
/// What a reader must be permitted.
const NEEDS_TO_READ: &str = "s3:GetObject on its objects and s3:ListBucket on the bucket";
/// How often a write is tried when it meets others.
const TRIES: u32 = 8;
/// No object of a log is larger: 256 entries of at most 32 KiB make half of it.
const MAX_OBJECT_BYTES: i64 = 16 * 1024 * 1024;
/// The user metadata with which an object says that it may be swept.
const PARTIAL: (&str, &str) = ("retention", "partial");

/// A bucket of which this is one of any number of writers.
pub struct WriteOnceBucket {
    client: Client,
    address: BucketAddress,
    keeping: Keeping,
    clock: SharedClock,
    needs: &'static str,
    found: Mutex<Option<Protection>>,
    /// It was told that it may not sweep, and asks no more before it starts anew.
    is_sweep_denied: AtomicBool,
}

/// What is asked of Object Lock.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    /// Who may end a retention before its time.
    pub mode: RetentionMode,
    /// How long full objects are kept.
    pub full: TimeDelta,
    /// Whether a bucket without Object Lock is refused.
    pub is_lock_required: bool,
}

impl From<&AuditConfig> for Keeping {
    fn from(config: &AuditConfig) -> Self {
        Self {
            mode: config.retention_mode,
            full: TimeDelta::days(i64::from(config.retention_days)),
            is_lock_required: config.require_lock,
        }
    }
}

impl WriteOnceBucket {
    /// Nothing is asked of the far side yet.
    #[must_use]
    pub fn new(sdk: &SdkConfig, address: BucketAddress, keeping: Keeping, clock: SharedClock) -> Self {
        Self {
            client: client(sdk),
            address,
            keeping,
            clock,
            needs: NEEDS,
            found: Mutex::default(),
            is_sweep_denied: AtomicBool::default(),
        }
    }

    /// The same for one who only reads, and is told so where that is not permitted.
    #[must_use]
    pub fn for_reading(self) -> Self {
        Self {
            needs: NEEDS_TO_READ,
            ..self
        }
    }

    /// What the bucket was found to do, asked for the first time.
    async fn protection(&self) -> Result<Protection, StoreError> {
        let known = self.found().clone();
        match known {
            Some(known) => Ok(known),
            None => self.look().await,
        }
    }

    /// Asks the bucket what it does.
    async fn look(&self) -> Result<Protection, StoreError> {
        let found = Protection::of(&self.client, &self.address.bucket).await;
        let found = found.map_err(|fault| self.failed("the bucket's settings", fault))?;
        if self.keeping.is_lock_required && found.lock.is_none() {
            let bucket = &self.address.bucket;
            return Err(StoreError::Refused {
                problem: format!(
                    "the bucket {bucket} has no Object Lock, and audit.require_lock asks for it: use a bucket that was made \
                     with Object Lock, or turn it on there"
                ),
            });
        }
        *self.found() = Some(found.clone());
        Ok(found)
    }

    fn found(&self) -> MutexGuard<'_, Option<Protection>> {
        self.found.lock().expect("no panic while held")
    }

    fn key(&self, path: &str) -> Result<String, StoreError> {
        if !is_path(path) {
            return Err(StoreError::BadPath {
                path: path.to_owned(),
            });
        }
        Ok(self.address.key(path))
    }

    /// A write with its checksum, and its retention where the bucket has a lock.
    async fn put(
        &self,
        path: &str,
        bytes: &[u8],
        retention: Retention,
    ) -> Result<PutObjectFluentBuilder, StoreError> {
        let key = self.key(path)?;
        let has_lock = self.protection().await?.lock.is_some();
        let mut put = self
            .client
            .put_object()
            .bucket(&self.address.bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(BASE64_STANDARD.encode(Sha256::digest(bytes)))
            .body(ByteStream::from(bytes.to_vec()));
        if retention == Retention::Partial {
            put = put.metadata(PARTIAL.0, PARTIAL.1);
        }
        if has_lock {
            let until = self.clock.now() + self.keeping.of(retention);
            put = put
                .object_lock_mode(self.keeping.mode())
                .object_lock_retain_until_date(S3Time::from_secs(until.timestamp()));
        }
        Ok(put)
    }

    /// An object with its `ETag`; none where there is none.
    async fn read(&self, path: &str) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        let key = self.key(path)?;
        let asked = self.client.get_object().bucket(&self.address.bucket).key(key);
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match Fault::of(&error) {
                    fault if is_no_object(&fault) => Ok(None),
                    fault => Err(self.failed(path, fault)),
                };
            }
        };
        if answer.content_length().is_none_or(|size| size > MAX_OBJECT_BYTES) {
            return Err(failed(path, "it is larger than any object of a log"));
        }
        let tag = answer.e_tag().unwrap_or_default().to_owned();
        let bytes = answer.body.collect().await.map_err(|error| failed(path, error))?;
        Ok(Some((bytes.to_vec(), tag)))
    }

    /// What a failed call is to a writer: something to wait for, or something for a person.
    fn failed(&self, path: &str, fault: Fault) -> StoreError {
        match for_a_person(&fault, &self.address, self.needs) {
            Some(problem) => StoreError::Refused { problem },
            None => failed(path, fault),
        }
    }

    /// A write that must be refused, since the object is there: so nothing is written, and it shows whether the hub may write
    /// and whether its conditions are heard.
    async fn try_to_overwrite(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let put = self.put(path, bytes, Retention::Partial).await?;
        match put.if_none_match("*").send().await {
            Ok(_) => Err(StoreError::Refused {
                problem: format!(
                    "what answers for {} does not heed If-None-Match, so it would let objects be overwritten: use S3, or a \
                     store that knows conditional writes",
                    self.address
                ),
            }),
            Err(error) => match Fault::of(&error) {
                fault if is_taken(&fault) || is_race(&fault) => Ok(()),
                fault => Err(self.failed(path, fault)),
            },
        }
    }
}

#[async_trait]
impl WriteOnceStore for WriteOnceBucket {
    async fn put_new(&self, path: &str, bytes: &[u8], retention: Retention) -> Result<Stored, StoreError> {
        for _ in 0..TRIES {
            let put = self.put(path, bytes, retention).await?;
            let Err(error) = put.if_none_match("*").send().await else {
                return Ok(Stored::New);
            };
            let fault = Fault::of(&error);
            if is_race(&fault) {
                continue;
            }
            if !is_taken(&fault) {
                return Err(self.failed(path, fault));
            }
            match self.read(path).await? {
                Some((there, _)) if there == bytes => return Ok(Stored::AlreadySame),
                Some(_) => {
                    let path = path.to_owned();
                    return Err(StoreError::Conflict { path });
                }
                // Deleted meanwhile, by somebody who may.
                None => {}
            }
        }
        Err(failed(path, "it changed under every try to write it"))
    }

    async fn replace_checkpoint(&self, bytes: &[u8]) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let there = self.read(CHECKPOINT_PATH).await?;
            let put = self.put(CHECKPOINT_PATH, bytes, Retention::Partial).await?;
            let put = match there {
                Some((there, _)) if is_as_new(&there, bytes) => return Ok(()),
                Some((_, tag)) => put.if_match(tag),
                None => put.if_none_match("*"),
            };
            let Err(error) = put.send().await else {
                return Ok(());
            };
            let fault = Fault::of(&error);
            // Another was quicker, or it is gone: look again.
            if !(is_taken(&fault) || is_race(&fault) || is_no_object(&fault)) {
                return Err(self.failed(CHECKPOINT_PATH, fault));
            }
        }
        Err(failed(
            CHECKPOINT_PATH,
            "it changed under every try to replace it",
        ))
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read(path).await?.map(|(bytes, _)| bytes))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let asked = self
            .client
            .list_objects_v2()
            .bucket(&self.address.bucket)
            .prefix(self.address.key(prefix));
        let mut pages = asked.into_paginator().send();
        let mut paths = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed(prefix, Fault::of(&error)))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            paths.extend(keys.filter_map(|key| Some(key.strip_prefix(&self.address.prefix)?.to_owned())));
        }
        paths.sort_unstable();
        Ok(paths)
    }

    async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_versions(now).await
    }

    async fn examine(&self) -> Result<(), StoreError> {
        self.look().await.map(drop)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.look().await?;
        match self.read(CHECKPOINT_PATH).await? {
            Some((there, _)) => self.try_to_overwrite(CHECKPOINT_PATH, &there).await,
            // The first publication will show it.
            None => Ok(()),
        }
    }

    fn describe(&self) -> Description {
        let found = self.found().clone();
        Description {
            kind: StoreKind::S3,
            place: self.address.to_string(),
            is_enforced: found.as_ref().is_some_and(Protection::is_enforced),
            protection: found.map_or_else(
                || "the bucket has not answered yet, so nothing is known of its protection".to_owned(),
                |found| found.describe(self.keeping),
            ),
        }
    }
}

impl Keeping {
    fn of(self, retention: Retention) -> TimeDelta {
        match retention {
            Retention::Full => self.full,
            Retention::Partial => PARTIAL_RETENTION,
        }
    }

    const fn mode(self) -> ObjectLockMode {
        match self.mode {
            RetentionMode::Governance => ObjectLockMode::Governance,
            RetentionMode::Compliance => ObjectLockMode::Compliance,
        }
    }
}

impl fmt::Debug for WriteOnceBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteOnceBucket").field(&self.address).finish()
    }
}

/// The condition of a write does not hold.
fn is_taken(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { code, .. } if code == "PreconditionFailed")
}

/// Another conditional write of the same object was under way.
fn is_race(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { code, .. } if code == "ConditionalRequestConflict" || code == "OperationAborted")
}

fn failed(path: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Failed {
        path: path.to_owned(),
        source: source.into(),
    }
}
