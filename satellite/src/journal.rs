//! What the satellite must still know after a crash: an append-only file of JSON lines, locked by the one process using it.
//!
//! `Started` and `Finished` are on disk before the satellite goes on. Losing one of the others to a power cut costs a
//! repeated question, never a repeated effect.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::machine::Entry;

/// After how many lines the file is written anew: some hundred kilobytes, some weeks in a household.
const COMPACT_AFTER: usize = 5_000;

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
    /// How many lines the last rewriting left.
    kept: usize,
}

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process holds it.
    #[error("this satellite already runs on this machine ({} is in use); stop it first", .0.display())]
    InUse(PathBuf),
    /// Reading or writing failed. Without a journal a command could be done twice, so the satellite stops.
    #[error("the journal {} failed: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Journal {
    /// Opens or creates the file, takes its lock, and reads what it holds.
    ///
    /// # Errors
    /// Another process has it, or the file cannot be read or written.
    pub fn open(path: &Path) -> Result<(Self, Vec<Entry>), JournalError> {
        let failed = |source| JournalError::Io {
            path: path.into(),
            source,
        };
        let file = private()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
        lock(&file, path)?;
        // The one who held it may have put another file in its place.
        let (opened, there) = (
            file.metadata().map_err(failed)?,
            std::fs::metadata(path).map_err(failed)?,
        );
        if opened.ino() != there.ino() {
            return Err(JournalError::InUse(path.into()));
        }
        let (entries, is_torn) = read(&file).map_err(failed)?;
        let mut journal = Self {
            path: path.into(),
            file,
            lines: entries.len(),
            kept: 0,
        };
        if is_torn {
            // A line cut short by a crash would swallow the next one appended to it.
            journal.rewrite(&entries)?;
        }
        Ok((journal, entries))
    }

    /// Adds an entry; on return it is on disk if it has to be.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        self.lines += 1;
        let mut written = self.file.write_all(line(entry).as_bytes());
        if matches!(entry, Entry::Started { .. } | Entry::Finished { .. }) {
            written = written.and_then(|()| self.file.sync_data());
        }
        written.map_err(|source| JournalError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// Whether it has grown so long that [`Journal::rewrite`] pays.
    #[must_use]
    pub fn is_long(&self) -> bool {
        // What has to be kept must not be written again and again.
        self.lines >= COMPACT_AFTER.max(2 * self.kept)
    }

    /// Replaces the whole file in one step.
    ///
    /// # Errors
    /// The new file cannot be written; the old one is then still whole.
    pub fn rewrite(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        let failed = |source| JournalError::Io {
            path: self.path.clone(),
            source,
        };
        let new_path = self.path.with_extension("journal.new");
        // Only the holder of the lock comes here, so what is left of an earlier try is nobody's.
        let mut file = private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&new_path)
            .map_err(failed)?;
        // Locked before it takes the place of the old one, so that the journal is never without.
        lock(&file, &self.path)?;
        let text: String = entries.iter().map(line).collect();
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        std::fs::rename(&new_path, &self.path)
            .and_then(|()| sync_folder_of(&self.path))
            .map_err(failed)?;
        self.file = file;
        self.lines = entries.len();
        self.kept = self.lines;
        Ok(())
    }
}

/// Makes sure that the names in a file's folder are on disk: without that a power cut may bring back what a file replaced.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Commands hold what the agent says in private: the owner's eyes only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::InUse(path.into()),
        TryLockError::Error(source) => JournalError::Io {
            path: path.into(),
            source,
        },
    })
}

/// The entries, and whether the last line was cut short.
fn read(file: &File) -> io::Result<(Vec<Entry>, bool)> {
    let mut entries = Vec::new();
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        match serde_json::from_slice(&bytes) {
            Ok(entry) if bytes.ends_with(b"\n") => entries.push(entry),
            _ if reader.fill_buf()?.is_empty() => return Ok((entries, true)),
            Ok(_) => {}
            Err(error) => {
                let detail = format!(
                    "line {} is damaged: {error}. It says what was done, so that nothing is done twice. Mend the line; or move the \
                     file away, and what was begun and not answered will be reported as unknown",
                    entries.len() + 1
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
            }
        }
        bytes.clear();
    }
    Ok((entries, false))
}

fn line(entry: &Entry) -> String {
    let mut text = serde_json::to_string(entry).expect("entries have string keys and no fallible parts");
    text.push('\n');
    text
}
