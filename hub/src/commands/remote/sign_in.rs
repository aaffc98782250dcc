//! The stored sign-in, `.hub/login.json`: readable by its owner only, replaced as a whole, changed under a lock.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::BaseUrl;
use crate::{clock::DateTime, config::DataDir};

/// Five short fields; anything longer is another file.
const MAX_BYTES: u64 = 64 * 1024;
/// Who holds the lock makes one request; longer than that takes means that it hangs.
const LOCK_PATIENCE: Duration = Duration::from_secs(45);
/// Soon enough to go unnoticed.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Who is signed in, where, and the proof.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// The hub that gave the tokens: they are sent to no other.
    pub url: BaseUrl,
    /// Certificates that are trusted there beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The login name.
    pub name: String,
    /// For the `Authorization` header.
    #[serde(serialize_with = "expose")]
    pub access_token: SecretString,
    /// When the access token ends, by this machine's clock.
    pub expires_at: DateTime,
    /// For the next access token; good once.
    #[serde(serialize_with = "expose")]
    pub refresh_token: SecretString,
}

/// The file of the sign-in.
#[derive(Debug, Clone)]
pub struct SignInFile {
    path: PathBuf,
}

/// The only right to change the file.
#[derive(Debug)]
pub struct Locked<'a> {
    file: &'a SignInFile,
    _lock: File,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignInFileError {
    /// Someone else could read the secret.
    #[error("{path} can be read by others on this machine (mode {mode:03o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds something else.
    #[error("{path} is not a stored sign-in: wrong or missing field at line {line}, column {column}; remove it and run: hub login", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// Another process holds the lock.
    #[error("{} is locked by another hub command that does not end", .0.display())]
    Locked(PathBuf),
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl SignInFile {
    /// The file in a data folder.
    #[must_use]
    pub fn of(dir: &DataDir) -> Self {
        Self {
            path: dir.join("login.json"),
        }
    }

    /// Reads the file, unless others can read it too.
    pub fn read(&self) -> Result<Option<SignIn>, SignInFileError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| self.refused(source))?,
        };
        let metadata = file.metadata().map_err(|source| self.refused(source))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = self.path.clone();
            return Err(SignInFileError::Exposed { path, mode });
        }
        let mut text = String::new();
        file.take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(|source| self.refused(source))?;
        // The error's own text may quote the secret; where it is says enough.
        let malformed = |error: serde_json::Error| SignInFileError::Malformed {
            path: self.path.clone(),
            line: error.line(),
            column: error.column(),
        };
        serde_json::from_str(&text).map(Some).map_err(malformed)
    }

    /// Waits for the only right to change the file. Two processes that refresh the same token would end the sign-in.
    pub async fn lock(&self) -> Result<Locked<'_>, SignInFileError> {
        self.make_folder().map_err(|source| self.refused(source))?;
        let lock = self.open_lock().map_err(|source| self.refused(source))?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    return Ok(Locked {
                        file: self,
                        _lock: lock,
                    });
                }
                Err(TryLockError::Error(source)) => return Err(self.refused(source)),
                Err(TryLockError::WouldBlock) if began.elapsed() > LOCK_PATIENCE => {
                    return Err(SignInFileError::Locked(self.path.clone()));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
            }
        }
    }

    /// The lock is a file of its own: the sign-in itself is another file after each change.
    fn open_lock(&self) -> io::Result<File> {
        let path = self.path.with_extension("lock");
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
    }

    fn make_folder(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.folder())
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn refused(&self, source: io::Error) -> SignInFileError {
        let path = self.path.clone();
        SignInFileError::System { path, source }
    }
}

impl Locked<'_> {
    /// Reads the file as the last holder of the lock left it.
    pub fn read(&self) -> Result<Option<SignIn>, SignInFileError> {
        self.file.read()
    }

    /// Replaces the file; a reader sees the old one or the new one, also after a power cut.
    pub fn write(&self, sign_in: &SignIn) -> Result<(), SignInFileError> {
        self.replace(sign_in).map_err(|source| self.file.refused(source))
    }

    /// Removes the file.
    pub fn remove(&self) -> Result<(), SignInFileError> {
        match fs::remove_file(&self.file.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| self.file.refused(source)),
        }
    }

    fn replace(&self, sign_in: &SignIn) -> io::Result<()> {
        let next = self.file.path.with_extension("json.new");
        // Of a process that was stopped in the middle; its mode is not known.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&next)?;
        serde_json::to_writer_pretty(&mut file, sign_in)?;
        writeln!(file)?;
        file.sync_all()?;
        fs::rename(&next, &self.file.path)?;
        File::open(self.file.folder())?.sync_all()
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
