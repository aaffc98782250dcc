//! A directory of this machine. The hub takes the bytes itself, and compares size and digest before they get their name.

use std::{
    fs::Permissions,
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncWriteExt},
};

use super::{Blob, BlobError, BlobStore, Found, SMALL, UploadTo};
use crate::{
    adapters::worm::files::{make_directories, sync_parent},
    secret::random_bytes,
};

/// Where uploads are until they are whole.
const INCOMING: &str = "incoming";
/// What of an unfinished upload a crash left is removed after this; none that is under way is as old.
const LEFT: Duration = Duration::from_hours(26);
/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// A directory of bytes.
#[derive(Debug, Clone)]
pub struct BlobDirectory {
    root: PathBuf,
}

/// An upload that is under way. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    path: PathBuf,
    target: PathBuf,
    written: u64,
    digest: Sha256,
    expected: Blob,
}

/// Why an upload did not become a file.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    /// More bytes came than were announced.
    #[error("more bytes came than were announced")]
    TooMany,
    /// Fewer did.
    #[error("fewer bytes came than were announced")]
    TooFew,
    /// As many did, and they are others.
    #[error("other bytes came than were announced")]
    Others,
    /// They were there already.
    #[error("the bytes are there already")]
    Taken,
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl BlobDirectory {
    /// At this path; it is made when it is first needed.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Whether it was made.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.root.exists()
    }

    /// Begins an upload.
    pub async fn begin(&self, blob: &Blob) -> Result<Incoming, IncomingError> {
        let target = self.root.join(&blob.path);
        if fs::try_exists(&target).await? {
            return Err(IncomingError::Taken);
        }
        let path = self.root.join(INCOMING).join(hex::encode(random_bytes::<16>()));
        make_parents(&path).await?;
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .await?;
        Ok(Incoming {
            file,
            path,
            target,
            written: 0,
            digest: Sha256::new(),
            expected: blob.clone(),
        })
    }

    /// The bytes, to be read; none where there are none.
    pub async fn open(&self, path: &str) -> io::Result<Option<File>> {
        match File::open(self.root.join(path)).await {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what crashes left of unfinished uploads.
    pub async fn clean(&self) -> io::Result<()> {
        let mut entries = match fs::read_dir(self.root.join(INCOMING)).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        while let Some(entry) = entries.next_entry().await? {
            // By the clock of the disk; a file that is gone meanwhile is what was wanted.
            let age = entry.metadata().await.and_then(|file| file.modified());
            if age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT)) {
                remove(&entry.path()).await?;
            }
        }
        Ok(())
    }

    async fn found(&self, blob: &Blob) -> io::Result<Found> {
        let Some(mut file) = self.open(&blob.path).await? else {
            return Ok(Found::Missing);
        };
        if file.metadata().await?.len() != blob.size {
            return Ok(Found::Different);
        }
        // A larger one was compared as it came, and nothing writes a file that has its name.
        if blob.size > SMALL {
            return Ok(Found::Same);
        }
        let (mut digest, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            match file.read(&mut chunk).await? {
                0 => break,
                read => digest.update(&chunk[..read]),
            }
        }
        let is_same = <[u8; 32]>::from(digest.finalize()) == blob.sha256;
        Ok(if is_same { Found::Same } else { Found::Different })
    }
}

impl Incoming {
    /// Writes the next bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), IncomingError> {
        self.written += bytes.len() as u64;
        if self.written > self.expected.size {
            return Err(IncomingError::TooMany);
        }
        self.digest.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    /// Gives the bytes their name, which must be free, once they are whole and on disk.
    pub async fn finish(mut self) -> Result<(), IncomingError> {
        if self.written != self.expected.size {
            return Err(IncomingError::TooFew);
        }
        if <[u8; 32]>::from(self.digest.clone().finalize()) != self.expected.sha256 {
            return Err(IncomingError::Others);
        }
        self.file.flush().await?;
        self.file.set_permissions(Permissions::from_mode(0o400)).await?;
        self.file.sync_all().await?;
        make_parents(&self.target).await?;
        match fs::hard_link(&self.path, &self.target).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(IncomingError::Taken),
            linked => linked?,
        }
        let target = self.target.clone();
        Ok(blocking(move || sync_parent(&target)).await?)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Its other name stays, if it was given one; what a crash leaves is cleaned.
        drop(std::fs::remove_file(&self.path));
    }
}

#[async_trait]
impl BlobStore for BlobDirectory {
    async fn upload_to(&self, _: &Blob, _: Duration) -> Result<Option<UploadTo>, BlobError> {
        Ok(None)
    }

    async fn download_from(&self, _: &Blob, _: &str, _: Duration) -> Result<Option<String>, BlobError> {
        Ok(None)
    }

    async fn examine(&self, blob: &Blob) -> Result<Found, BlobError> {
        self.found(blob).await.map_err(|error| self.failed(&error))
    }

    async fn remove(&self, path: &str) -> Result<(), BlobError> {
        let removed = remove(&self.root.join(path)).await;
        removed.map_err(|error| self.failed(&error))
    }

    async fn probe(&self) -> Result<(), BlobError> {
        let path = self.root.join(INCOMING).join("probe");
        let probed = async {
            make_parents(&path).await?;
            fs::write(&path, b"").await?;
            remove(&path).await
        };
        probed.await.map_err(|error| self.failed(&error))
    }
}

impl BlobDirectory {
    /// What a failure of the disk is: something to wait for, or something for a person.
    fn failed(&self, error: &io::Error) -> BlobError {
        let said = format!("{}: {error}", self.root.display());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::NotADirectory | ErrorKind::ReadOnlyFilesystem => {
                BlobError::Refused(format!(
                    "{said}: give the hub's user a directory that it may write, or name another in artifacts.store"
                ))
            }
            _ => BlobError::Away(said),
        }
    }
}

async fn make_parents(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent().map(Path::to_owned) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    blocking(move || make_directories(&parent)).await
}

async fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
