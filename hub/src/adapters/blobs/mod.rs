//! The store of the artifacts' bytes: a directory, served by the hub through links that it signs, or a bucket of S3, which its
//! own links open.

mod bucket;
mod directory;
mod status;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::aws::connect;
use crate::{
    config::{AwsConfig, BucketAddress, Config, Place},
    error::Error,
};

pub use bucket::BlobBucket;
pub use directory::{BlobDirectory, Incoming, IncomingError};
pub use status::{BlobReport, BlobStatus};

/// How long a call that moves no bytes may take.
const CALL: Duration = Duration::from_secs(10);
/// How long it may take to read an object of [`SMALL`] bytes: less than a request may.
const EXAMINE: Duration = Duration::from_secs(30);
/// Up to this size what was uploaded is read again before it counts as stored.
pub const SMALL: u64 = 8 * 1024 * 1024;
/// Uploads that a process takes at once into the directory: each holds a file of up to the largest size.
const UPLOADS: usize = 32;

/// What the bytes of an artifact are, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its path in the store: of hexadecimal digits, `-` and slashes.
    pub path: String,
    /// What it is said to be.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// What is in the store under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The bytes that were announced.
    Same,
    /// Others.
    Different,
    /// Nothing.
    Missing,
}

/// Where bytes are sent to, and with which headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadTo {
    /// The whole URL.
    pub url: String,
    /// What must be sent, as it is signed.
    pub headers: Vec<(String, String)>,
}

/// A store of bytes. Every call may be repeated.
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync {
    /// Where the bytes are sent to; none: to the hub.
    async fn upload_to(&self, blob: &Blob, life: Duration) -> Result<Option<UploadTo>, BlobError>;

    /// Where they are read from, under this `Content-Disposition`; none: from the hub.
    async fn download_from(
        &self,
        blob: &Blob,
        disposition: &str,
        life: Duration,
    ) -> Result<Option<String>, BlobError>;

    /// Whether the bytes are there and what was announced.
    async fn examine(&self, blob: &Blob) -> Result<Found, BlobError>;

    /// Removes them, in all their versions where that is permitted; those that are not there are no fault.
    async fn remove(&self, path: &str) -> Result<(), BlobError>;

    /// Whether the store answers.
    async fn probe(&self) -> Result<(), BlobError>;
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It did not answer, or failed: asking again later helps.
    #[error("{0}")]
    Away(String),
    /// It refuses until a person has mended what the sentence says.
    #[error("{0}")]
    Refused(String),
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        Self::Unavailable {
            what: "the store of artifacts",
            source: Some(error.into()),
        }
    }
}

/// The configured store, and how it is doing as this process knows.
#[derive(Debug)]
pub struct Blobs {
    place: Place,
    aws: AwsConfig,
    /// Where the hub itself takes and gives the bytes.
    directory: Option<BlobDirectory>,
    store: OnceCell<Arc<dyn BlobStore>>,
    status: BlobStatus,
    uploads: Semaphore,
}

impl Blobs {
    /// The configured one. Nothing is made and nothing is asked yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let place = config.artifacts.place(&config.dir);
        let directory = match &place {
            Place::Directory(root) => Some(BlobDirectory::new(root.clone())),
            Place::Bucket(_) => None,
        };
        Self {
            place,
            aws: config.aws.clone(),
            directory,
            store: OnceCell::new(),
            status: BlobStatus::default(),
            uploads: Semaphore::new(UPLOADS),
        }
    }

    /// Uses this store of the configured place, if none was used yet: one with credentials of its own.
    pub fn use_store(&self, store: Arc<dyn BlobStore>) {
        drop(self.store.set(store));
    }

    /// The directory, where the hub itself takes and gives the bytes.
    #[must_use]
    pub const fn directory(&self) -> Option<&BlobDirectory> {
        self.directory.as_ref()
    }

    /// Room for one more upload into the directory, if there is any now.
    pub fn room(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.uploads.try_acquire().map_err(|full| Error::Unavailable {
            what: "room for the upload",
            source: Some(full.into()),
        })
    }

    /// How it is doing, as this process knows.
    #[must_use]
    pub fn report(&self) -> BlobReport {
        self.status.report()
    }

    /// The word for its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.place {
            Place::Directory(_) => "directory",
            Place::Bucket(_) => "s3",
        }
    }

    /// Where it is, in words for an operator.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.place {
            Place::Directory(root) => root.display().to_string(),
            Place::Bucket(address) => address.to_string(),
        }
    }

    /// See [`BlobStore::upload_to`].
    pub async fn upload_to(&self, blob: &Blob, life: Duration) -> Result<Option<UploadTo>, BlobError> {
        let store = self.store().await;
        self.noted(CALL, store.upload_to(blob, life)).await
    }

    /// See [`BlobStore::download_from`].
    pub async fn download_from(
        &self,
        blob: &Blob,
        disposition: &str,
        life: Duration,
    ) -> Result<Option<String>, BlobError> {
        let store = self.store().await;
        self.noted(CALL, store.download_from(blob, disposition, life))
            .await
    }

    /// See [`BlobStore::examine`].
    pub async fn examine(&self, blob: &Blob) -> Result<Found, BlobError> {
        let store = self.store().await;
        self.noted(EXAMINE, store.examine(blob)).await
    }

    /// See [`BlobStore::remove`].
    pub async fn remove(&self, path: &str) -> Result<(), BlobError> {
        let store = self.store().await;
        self.noted(CALL, store.remove(path)).await
    }

    /// See [`BlobStore::probe`].
    pub async fn probe(&self) -> Result<(), BlobError> {
        let store = self.store().await;
        self.noted(CALL, store.probe()).await
    }

    async fn store(&self) -> &Arc<dyn BlobStore> {
        self.store
            .get_or_init(async || match &self.place {
                Place::Directory(root) => Arc::new(BlobDirectory::new(root.clone())),
                Place::Bucket(address) => bucket(&self.aws, address).await,
            })
            .await
    }

    /// Ends a call in time, and notes what came of it.
    async fn noted<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, BlobError>>,
    ) -> Result<T, BlobError> {
        let ended = tokio::time::timeout(limit, call).await;
        let ended =
            ended.unwrap_or_else(|_| Err(BlobError::Away(format!("it did not answer within {limit:?}"))));
        self.status.note(ended.as_ref().err(), &self.describe());
        ended
    }
}

async fn bucket(aws: &AwsConfig, address: &BucketAddress) -> Arc<dyn BlobStore> {
    Arc::new(BlobBucket::new(&connect(aws, None).await, address.clone()))
}
