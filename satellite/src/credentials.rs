//! The file that tells a satellite who it is and proves it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::journal::sync_folder_of;
use crate::protocol::BearerToken;

/// A credentials file has five short fields; anything longer is another file.
const MAX_BYTES: u64 = 16 * 1024;

/// What `.hub/satellites/NAME.json` holds.
#[derive(Debug, Clone, Deserialize)]
pub struct Credentials {
    /// The device.
    pub device_id: Uuid,
    /// The agent that it belongs to.
    pub agent_id: Uuid,
    /// What people call it.
    pub name: String,
    /// Its secret.
    pub token: BearerToken,
    /// Where its hub is.
    #[serde(default)]
    pub url: Option<String>,
    /// Certificates that it trusts there beside the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// The credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// There is no such file.
    #[error("there are no credentials for this satellite at {}; start the hub once to have its first satellites made, ask for them with `hub satellite NAME --pair`, or name another file", .0.display())]
    Missing(PathBuf),
    /// Someone else could read the secret.
    #[error("{path} can be read by others on this machine (mode {mode:03o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not a credentials file.
    #[error("{} is not a credentials file: {detail}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, without its content.
        detail: String,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Credentials {
    /// Writes a file that only its owner can read, and never over another.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn write(path: &Path, credentials: &Value) -> Result<(), CredentialsError> {
        let written = write_private(path, &credentials.to_string());
        written.map_err(|source| unwritable(path, source))
    }

    /// Puts another token in the place of the one in the file, wholly or not at all. What else stands in it stays.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn replace_token(path: &Path, token: &BearerToken) -> Result<(), CredentialsError> {
        let malformed = |detail: &str| CredentialsError::Malformed {
            path: path.into(),
            detail: detail.into(),
        };
        let text = fs::read_to_string(path).map_err(|source| unwritable(path, source))?;
        let mut fields: Value = serde_json::from_str(&text).map_err(|_| malformed("it is not JSON"))?;
        let place = fields
            .get_mut("token")
            .ok_or_else(|| malformed("it has no token"))?;
        *place = token.expose().into();
        let next = path.with_extension(format!("json.{}", std::process::id()));
        // Left by a process of the same number that was killed here.
        let _ = fs::remove_file(&next);
        Self::write(&next, &fields)?;
        fs::rename(&next, path)
            .and_then(|()| sync_folder_of(path))
            .map_err(|source| unwritable(path, source))
    }

    /// Reads the file, unless others can read it too.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => CredentialsError::Missing(path.into()),
            _ => CredentialsError::Unreadable {
                path: path.into(),
                source,
            },
        };
        let file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(CredentialsError::Exposed {
                path: path.into(),
                mode,
            });
        }
        let mut text = String::new();
        file.take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        serde_json::from_str(&text).map_err(|error| {
            // The error's own text may quote the secret; where it is says enough.
            let detail = format!(
                "wrong or missing field at line {}, column {}",
                error.line(),
                error.column()
            );
            CredentialsError::Malformed {
                path: path.into(),
                detail,
            }
        })
    }
}

/// A file that only its owner can read, in a folder that only its owner can enter; never over another.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn unwritable(path: &Path, source: io::Error) -> CredentialsError {
    CredentialsError::Unwritable {
        path: path.into(),
        source,
    }
}
