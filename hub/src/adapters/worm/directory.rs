//! A directory as a write-once store: the default on one machine.
//!
//! Objects are plain files (0444) in private directories (0700), each linked into place whole, after its
//! bytes are on disk. Beside them stand two directories of its own:
//!
//! - `.incoming/` holds files that are being written; a crash may leave some, which [`sweep`] removes; and the lock under
//!   which `checkpoint` is replaced;
//! - `.partial/` holds a second link to every file that was stored with [`Retention::Partial`]: only these may
//!   ever be swept, and the file's time of writing says when. A copy of the store without it is whole, and never
//!   swept.
//!
//! [`sweep`]: WriteOnceStore::sweep

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Semaphore;

use crate::{
    adapters::worm::{
        Description, PARTIAL_RETENTION, Retention, StoreError, StoreKind, Stored, WriteOnceStore, files,
        rules::{Widest, is_as_new, is_path},
    },
    audit::{tiles::CHECKPOINT_PATH, verify},
};

const INCOMING: &str = ".incoming";
const PARTIAL: &str = ".partial";
/// In `.incoming/`: whoever replaces `checkpoint` holds it. Of all processes, so it is a file, and it goes free with its
/// process.
const LOCK: &str = "checkpoint.lock";

/// How old an incoming file must be before it counts as left by a crash.
const INCOMING_LIFETIME: TimeDelta = TimeDelta::days(1);

/// Calls to the disk at once. A disk that hangs holds the thread of each for as long as it does; the process has others to
/// work with, but not without end.
const THREADS: usize = 16;

/// A directory of which this is one of any number of writers.
#[derive(Debug, Clone)]
pub struct WriteOnceDirectory {
    root: PathBuf,
    threads: Arc<Semaphore>,
}

impl WriteOnceDirectory {
    /// Opens a directory, making it where there is none.
    pub fn create(root: &Path) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        files::make_directories(&root)?;
        Ok(Self::at(root))
    }

    /// Opens a directory that must be there; nothing is written to it.
    pub fn open(root: &Path) -> io::Result<Self> {
        if !fs::metadata(root)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(Self::at(root.to_owned()))
    }

    fn at(root: PathBuf) -> Self {
        let threads = Arc::new(Semaphore::new(THREADS));
        Self { root, threads }
    }

    fn put_new_now(&self, path: &str, bytes: &[u8], retention: Retention) -> Result<Stored, StoreError> {
        let target = self.locate(path)?;
        let at = |error| failed(path, error);
        if let Some(stored) = already_stored(path, &target, bytes)? {
            return Ok(stored);
        }
        // First of all, because it fails where the root went away; making directories would make the root
        // anew.
        let incoming = files::Incoming::write(&self.root.join(INCOMING), bytes).map_err(at)?;
        files::make_directories(target.parent().expect("an object lies in the root")).map_err(at)?;
        if retention == Retention::Partial {
            // Before the object itself, so that a crash leaves no partial object that is never swept.
            incoming
                .link_over(&self.root.join(PARTIAL).join(path))
                .map_err(at)?;
        }
        match incoming.link_new(&target) {
            Ok(()) => Ok(Stored::New),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                already_stored(path, &target, bytes)?.ok_or_else(|| failed(path, error))
            }
            Err(error) => Err(failed(path, error)),
        }
    }

    /// A disk that hung lets go of its writers in any order, and nobody waits for them any more: so they go one by one, and
    /// one that has become late leaves the newer checkpoint where it is.
    fn replace_checkpoint_now(&self, bytes: &[u8]) -> io::Result<()> {
        let incoming = files::Incoming::write(&self.root.join(INCOMING), bytes)?;
        let target = self.root.join(CHECKPOINT_PATH);
        let _held = self.lock_checkpoint()?;
        match files::read(&target)? {
            Some(there) if is_as_new(&there, bytes) => files::sync_parent(&target),
            _ => incoming.rename(&target),
        }
    }

    /// Held until the file is closed.
    fn lock_checkpoint(&self) -> io::Result<File> {
        let lock = self.root.join(INCOMING).join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(lock)?;
        lock.lock()?;
        Ok(lock)
    }

    fn list_now(&self, prefix: &str) -> io::Result<Vec<String>> {
        let directory = prefix.rsplit_once('/').map_or("", |(directory, _)| directory);
        if !directory.is_empty() && !is_path(directory) {
            return Ok(Vec::new());
        }
        let mut paths = files::walk(&self.root, directory)?;
        paths.retain(|path| path.starts_with(prefix) && !is_own(path));
        paths.sort_unstable();
        Ok(paths)
    }

    fn sweep_now(&self, now: DateTime<Utc>) -> io::Result<u64> {
        let mut count = 0;
        for path in files::walk(&self.root.join(PARTIAL), "")? {
            let marker = self.root.join(PARTIAL).join(&path);
            if files::written_at(&marker)? + PARTIAL_RETENTION < now && self.is_superseded(&path) {
                files::remove(&self.root.join(&path))?;
                files::remove(&marker)?;
                count += 1;
            }
        }
        let incoming = files::walk(&self.root.join(INCOMING), "")?;
        // Who opened the lock before and who made it anew would both hold one.
        for name in incoming.into_iter().filter(|name| name != LOCK) {
            let incoming = self.root.join(INCOMING).join(name);
            if files::written_at(&incoming)? + INCOMING_LIFETIME < now {
                files::remove(&incoming)?;
            }
        }
        Ok(count)
    }

    /// Whether `….p/<W>` has a full object beside its directory, or a wider one in it.
    fn is_superseded(&self, path: &str) -> bool {
        let Some((full, _)) = path.rsplit_once(".p/") else {
            return false;
        };
        let mut widest = Widest::default();
        let siblings = files::walk(&self.root, &format!("{full}.p")).unwrap_or_default();
        for sibling in &siblings {
            widest.note(sibling);
        }
        if self.root.join(full).is_file() {
            widest.note(full);
        }
        widest.has_superseded(path)
    }

    fn locate(&self, path: &str) -> Result<PathBuf, StoreError> {
        if !is_path(path) {
            return Err(StoreError::BadPath {
                path: path.to_owned(),
            });
        }
        Ok(self.root.join(path))
    }

    /// Runs an operation where it may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let thread = thread.expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let done = run(&store);
            // Given back by the thread itself, also where nobody waits for it any more.
            drop(thread);
            done
        })
        .await;
        done.unwrap_or_else(|error| {
            Err(StoreError::Failed {
                path: String::new(),
                source: Box::new(error),
            })
        })
    }
}

#[async_trait]
impl WriteOnceStore for WriteOnceDirectory {
    async fn put_new(&self, path: &str, bytes: &[u8], retention: Retention) -> Result<Stored, StoreError> {
        let (path, bytes) = (path.to_owned(), bytes.to_vec());
        self.blocking(move |store| store.put_new_now(&path, &bytes, retention))
            .await
    }

    async fn replace_checkpoint(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let bytes = bytes.to_vec();
        let replace = move |store: &Self| store.replace_checkpoint_now(&bytes);
        self.blocking(move |store| replace(store).map_err(|error| failed(CHECKPOINT_PATH, error)))
            .await
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (target, path) = (self.locate(path)?, path.to_owned());
        self.blocking(move |_| files::read(&target).map_err(|error| failed(&path, error)))
            .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = prefix.to_owned();
        self.blocking(move |store| store.list_now(&prefix).map_err(|error| failed(&prefix, error)))
            .await
    }

    async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.blocking(move |store| store.sweep_now(now).map_err(|error| failed(PARTIAL, error)))
            .await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let write = |store: &Self| {
            // Not made anew: a root that went away is a fault to be told, not to be hidden by an empty one.
            fs::metadata(&store.root)?;
            files::Incoming::write(&store.root.join(INCOMING), b"probe").map(drop)
        };
        self.blocking(move |store| write(store).map_err(|error| failed(INCOMING, error)))
            .await
    }

    fn describe(&self) -> Description {
        Description {
            kind: StoreKind::Directory,
            place: format!("directory {}", self.root.display()),
            is_enforced: false,
            protection:
                "the hub never changes or deletes what it wrote, but nothing keeps root or the directory's \
                         owner from it: `hub audit verify` finds changes, it does not prevent them"
                    .to_owned(),
        }
    }
}

impl verify::Store for WriteOnceDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        self.list_now("")
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        files::read(&self.root.join(path))
    }
}

fn already_stored(path: &str, target: &Path, bytes: &[u8]) -> Result<Option<Stored>, StoreError> {
    let Some(found) = files::read(target).map_err(|error| failed(path, error))? else {
        return Ok(None);
    };
    if found != bytes {
        return Err(StoreError::Conflict {
            path: path.to_owned(),
        });
    }
    // Whoever linked it may have crashed before its name was on disk.
    files::sync_parent(target).map_err(|error| failed(path, error))?;
    Ok(Some(Stored::AlreadySame))
}

fn failed(path: &str, error: io::Error) -> StoreError {
    StoreError::Failed {
        path: path.to_owned(),
        source: Box::new(error),
    }
}

fn is_own(path: &str) -> bool {
    path.split('/')
        .next()
        .is_some_and(|first| [INCOMING, PARTIAL].contains(&first))
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
