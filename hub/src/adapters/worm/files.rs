//! Writing files so that each is there whole and durably, or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

/// A file on disk under a name of its own, which goes away unless it is given another.
pub(super) struct Incoming {
    path: PathBuf,
}

impl Incoming {
    /// Writes the bytes into a new read-only file of the directory, and waits until they are on disk.
    pub(super) fn write(directory: &Path, bytes: &[u8]) -> io::Result<Self> {
        make_directory(directory)?;
        let mut name = [0; 16];
        getrandom::fill(&mut name)?;
        let path = directory.join(hex::encode(name));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let incoming = Self { path };
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(0o444))?;
        file.sync_all()?;
        Ok(incoming)
    }

    /// Gives it a name that must be free.
    pub(super) fn link_new(&self, target: &Path) -> io::Result<()> {
        fs::hard_link(&self.path, target)?;
        sync_parent(target)
    }

    /// Gives it a name in place of what had it before; another writer may do the same at the same time.
    pub(super) fn link_over(&self, target: &Path) -> io::Result<()> {
        make_directories(parent_of(target)?)?;
        remove(target)?;
        match self.link_new(target) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            done => done,
        }
    }

    /// Puts it in the place of a file.
    pub(super) fn rename(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        sync_parent(target)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove; what a crash leaves is swept.
        drop(fs::remove_file(&self.path));
    }
}

/// Makes a directory and those above it, private to the owner, and waits until their names are on disk.
pub(in crate::adapters) fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    make_directories(parent_of(directory)?)?;
    make_directory(directory)
}

/// The bytes of a file, or nothing where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The paths of all files under `root/start`, relative to the root, with slashes.
pub(super) fn walk(root: &Path, start: &str) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut open = vec![start.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = match fs::read_dir(root.join(&directory)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if directory.is_empty() {
                name
            } else {
                format!("{directory}/{name}")
            };
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// When a file was written, by the clock of its disk.
pub(super) fn written_at(path: &Path) -> io::Result<DateTime<Utc>> {
    Ok(fs::metadata(path)?.modified()?.into())
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Waits until the name of a file is on disk.
pub(in crate::adapters) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent_of(path)?)?.sync_all()
}

fn make_directory(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => sync_parent(directory),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn parent_of(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))
}
