//! Where an audit log is read from, by somebody who only reads: a directory, or a bucket.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{runtime::Handle, task::spawn_blocking};

use crate::{
    adapters::worm::{BucketCopy, StoreError, WriteOnceDirectory, WriteOnceStore},
    audit::verify,
    commands::store::bucket_to_read,
    config::{BucketAddress, Config, ConfigError, Place, PlaceError},
    error::chain,
};

/// Where a log is, and how to reach it.
pub(super) enum Log {
    Directory(PathBuf),
    Bucket(BucketAddress, Box<Config>),
}

impl Log {
    /// A directory or a bucket; without a name, the one that the hub here writes to. Only for the latter two is the
    /// configuration read.
    pub(super) fn find(name: Option<&str>) -> Result<Self, SourceError> {
        match name {
            Some(url) if url.contains("://") => match Place::parse(url) {
                Ok(Place::Bucket(address)) => Ok(Self::Bucket(address, Box::new(Config::load()?))),
                Ok(Place::Directory(root)) => Ok(Self::Directory(root)),
                Err(error) => Err(SourceError::BadPlace(url.to_owned(), error)),
            },
            Some(path) => Ok(Self::Directory(PathBuf::from(path))),
            None => {
                let config = Config::load()?;
                match config.audit.place(&config.dir) {
                    Place::Bucket(address) => Ok(Self::Bucket(address, Box::new(config))),
                    Place::Directory(root) => Ok(Self::Directory(root)),
                }
            }
        }
    }
}

/// A log to read.
pub(super) struct Source {
    place: Place,
    /// The same for those who wait, and for those who block.
    pub(super) store: Arc<dyn WriteOnceStore>,
    reader: Arc<dyn verify::Store + Send + Sync>,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    /// What it is called is wrong.
    #[error("{0} {1}")]
    BadPlace(String, PlaceError),
    /// How to reach it is not known.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot be read.
    #[error("cannot read {place}: {}", chain(source))]
    Unreadable {
        /// Which.
        place: String,
        /// Why.
        source: io::Error,
    },
}

impl Source {
    /// Opens it.
    pub(super) async fn open(log: Log) -> Result<Self, SourceError> {
        match log {
            Log::Directory(root) => Self::directory(&root),
            Log::Bucket(address, config) => Ok(Self::bucket(&config, address).await),
        }
    }

    fn directory(root: &Path) -> Result<Self, SourceError> {
        let place = Place::Directory(root.to_owned());
        let store = WriteOnceDirectory::open(root).map_err(|source| SourceError::Unreadable {
            place: root.display().to_string(),
            source,
        })?;
        Ok(Self {
            place,
            reader: Arc::new(store.clone()),
            store: Arc::new(store),
        })
    }

    async fn bucket(config: &Config, address: BucketAddress) -> Self {
        let store = bucket_to_read(config, address.clone()).await;
        Self {
            place: Place::Bucket(address),
            reader: Arc::new(BucketCopy::new(Arc::clone(&store), Handle::current())),
            store,
        }
    }

    /// The word for where it is.
    pub(super) const fn kind(&self) -> &'static str {
        match self.place {
            Place::Directory(_) => "directory",
            Place::Bucket(_) => "bucket",
        }
    }

    /// Reads it on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn verify::Store) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SourceError> {
        let reader = Arc::clone(&self.reader);
        let done = spawn_blocking(move || read(&*reader)).await;
        done.unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| self.unreadable(source))
    }

    /// An error of reading it.
    pub(super) fn unreadable(&self, source: io::Error) -> SourceError {
        SourceError::Unreadable {
            place: self.to_string(),
            source,
        }
    }

    /// The same of a store's own.
    pub(super) fn failed(&self, error: StoreError) -> SourceError {
        self.unreadable(io::Error::other(error))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Directory(root) => write!(f, "{}", root.display()),
            Place::Bucket(address) => write!(f, "{address}"),
        }
    }
}
