//! A bucket as something to verify: read from its beginning to its end, with no more than a few objects in memory.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;

use crate::{
    adapters::worm::{StoreError, WriteOnceStore},
    audit::{tiles::CHECKPOINT_PATH, verify},
};

/// Objects that are read at once: a verification reads them nearly in the order of their names.
const AHEAD: usize = 32;

/// A store to verify. Its calls block: they belong on a thread that may.
pub struct BucketCopy {
    store: Arc<dyn WriteOnceStore>,
    runtime: Handle,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The paths of the last listing, sorted.
    paths: Vec<String>,
    /// What was read ahead, by series: a series is read in order, beside others.
    ahead: HashMap<String, HashMap<String, Option<Vec<u8>>>>,
}

impl BucketCopy {
    /// Reads a store by means of a runtime that goes on running.
    #[must_use]
    pub fn new(store: Arc<dyn WriteOnceStore>, runtime: Handle) -> Self {
        Self {
            store,
            runtime,
            seen: Mutex::default(),
        }
    }

    fn wait<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> io::Result<T> {
        self.runtime.block_on(call).map_err(io::Error::other)
    }

    /// An object and those of its series after it.
    async fn read_ahead(&self, paths: Vec<String>) -> Result<HashMap<String, Option<Vec<u8>>>, StoreError> {
        let read = |path: String| async move {
            let bytes = self.store.get(&path).await?;
            Ok::<_, StoreError>((path, bytes))
        };
        stream::iter(paths)
            .map(read)
            .buffer_unordered(AHEAD)
            .try_collect()
            .await
    }
}

impl verify::Store for BucketCopy {
    fn list(&self) -> io::Result<Vec<String>> {
        let paths = self.wait(self.store.list(""))?;
        let mut seen = self.seen.lock().expect("no panic while held");
        seen.paths.clone_from(&paths);
        // What was read before the listing may be older than it.
        seen.ahead.clear();
        Ok(paths)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        if path == CHECKPOINT_PATH {
            return self.wait(self.store.get(path));
        }
        let mut seen = self.seen.lock().expect("no panic while held");
        let series = series(path);
        if let Some(known) = seen.ahead.get_mut(series).and_then(|ahead| ahead.remove(path)) {
            return Ok(known);
        }
        let after = seen.paths.partition_point(|other| other.as_str() < path);
        let next = seen.paths[after..].iter().take(AHEAD);
        let mut paths: Vec<_> = next
            .filter(|next| self::series(next) == series)
            .cloned()
            .collect();
        if paths.first().is_none_or(|first| first != path) {
            paths.insert(0, path.to_owned());
        }
        let mut ahead = self.wait(self.read_ahead(paths))?;
        let found = ahead.remove(path).flatten();
        seen.ahead.insert(series.to_owned(), ahead);
        Ok(found)
    }
}

/// `tile/entries`, `tile/0`, `checkpoints`.
fn series(path: &str) -> &str {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let first = slashes.next().unwrap_or(path.len());
    if path.starts_with("tile/") {
        &path[..slashes.next().unwrap_or(path.len())]
    } else {
        &path[..first]
    }
}
