//! Gives every call to a store a time within which it must answer. A store that hangs is one that is away: it delays the
//! log, and whoever waits for it goes on.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Description, Retention, StoreError, Stored, WriteOnceStore};
use crate::audit::tiles::CHECKPOINT_PATH;

/// How long one object may take: a slow disk or a distant bucket needs a second, and a publisher's lease lasts thirty.
const OBJECT: Duration = Duration::from_secs(10);
/// How many times as long a walk over all objects may take.
const WALK: u32 = 6;

/// A store whose calls end in time.
#[derive(Debug, Clone)]
pub struct Deadline {
    store: Arc<dyn WriteOnceStore>,
    object: Duration,
}

impl Deadline {
    /// With the usual times.
    pub fn new(store: impl WriteOnceStore + 'static) -> Self {
        Self::within(store, OBJECT)
    }

    /// With a time for one object of one's own.
    pub fn within(store: impl WriteOnceStore + 'static, object: Duration) -> Self {
        let store = Arc::new(store);
        Self { store, object }
    }

    async fn end<T>(
        &self,
        path: &str,
        limit: Duration,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let ended = tokio::time::timeout(limit, call).await;
        ended.unwrap_or_else(|_| {
            Err(StoreError::TimedOut {
                path: path.to_owned(),
                limit,
            })
        })
    }
}

#[async_trait]
impl WriteOnceStore for Deadline {
    async fn put_new(&self, path: &str, bytes: &[u8], retention: Retention) -> Result<Stored, StoreError> {
        let put = self.store.put_new(path, bytes, retention);
        self.end(path, self.object, put).await
    }

    async fn replace_checkpoint(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let replace = self.store.replace_checkpoint(bytes);
        self.end(CHECKPOINT_PATH, self.object, replace).await
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.end(path, self.object, self.store.get(path)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let list = self.store.list(prefix);
        self.end(prefix, self.object * WALK, list).await
    }

    async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.end("", self.object * WALK, self.store.sweep(now)).await
    }

    async fn examine(&self) -> Result<(), StoreError> {
        self.end("", self.object, self.store.examine()).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.end("", self.object, self.store.probe()).await
    }

    fn describe(&self) -> Description {
        self.store.describe()
    }
}
