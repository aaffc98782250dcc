//! The hub's keys in `.hub/keys/`, each a file of mode 0600.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};

use crate::{
    audit::keys::{CheckpointKey, KeyError},
    config::Config,
    identity::tokens::TokenKeys,
    secret::random_bytes,
};

/// The keys of a hub.
#[derive(Clone)]
pub struct Keys {
    /// Signs access tokens.
    pub tokens: TokenKeys,
    /// Signs checkpoints of the audit log.
    pub audit: CheckpointKey,
}

/// Keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key is missing beside a database that has data.
    #[error(
        "the key {0} is missing although the database has data: put it back from your backup; a new one would end \
         every sign-in and break the audit log"
    )]
    Missing(PathBuf),
    /// A file others may read.
    #[error("{0} can be read by others: chmod 600 {0}")]
    Open(PathBuf),
    /// A file that is not a key.
    #[error("{0} is not a key of this hub: {1}")]
    Malformed(PathBuf, String),
    /// A file that cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The configured origin of the audit log is no name of a key.
    #[error("audit.origin: {0}")]
    Origin(#[from] KeyError),
}

impl Keys {
    /// Reads the keys; makes those that are missing only when `may_create`.
    pub fn open(config: &Config, may_create: bool) -> Result<Self, KeysError> {
        let dir = config.dir.join("keys");
        let seed = text_key(&dir.join("tokens.key"), may_create, || {
            Ok(hex::encode(random_bytes::<32>()))
        })?;
        let tokens = token_keys(&dir.join("tokens.key"), &seed)?;
        let path = dir.join("audit.key");
        let fresh = || Ok(CheckpointKey::from_seed(&config.audit.origin, &random_bytes())?.expose());
        let text = text_key(&path, may_create, fresh)?;
        let audit =
            CheckpointKey::parse(&text).map_err(|error| KeysError::Malformed(path, error.to_string()))?;
        let public = dir.join("audit.pub");
        fs::write(&public, format!("{}\n", audit.verifier()))
            .map_err(|error| KeysError::Io(public, error))?;
        Ok(Self { tokens, audit })
    }

    /// Whether any key is there.
    #[must_use]
    pub fn exist(config: &Config) -> bool {
        let dir = config.dir.join("keys");
        dir.join("tokens.key").exists() || dir.join("audit.key").exists()
    }
}

fn token_keys(path: &Path, seed: &str) -> Result<TokenKeys, KeysError> {
    let malformed = |why: &str| KeysError::Malformed(path.to_owned(), why.to_owned());
    let bytes = hex::decode(seed.trim()).map_err(|_| malformed("not hexadecimal"))?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| malformed("not 32 bytes"))?;
    let key = SigningKey::from_bytes(&bytes);
    let pkcs8 = key.to_pkcs8_der().map_err(|_| malformed("not an Ed25519 key"))?;
    Ok(TokenKeys::new(pkcs8.as_bytes(), key.verifying_key().as_bytes()))
}

fn text_key(
    path: &Path,
    may_create: bool,
    fresh: impl FnOnce() -> Result<String, KeysError>,
) -> Result<String, KeysError> {
    let io = |error| KeysError::Io(path.to_owned(), error);
    match fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o077 != 0 => Err(KeysError::Open(path.to_owned())),
        Ok(_) => fs::read_to_string(path).map_err(io),
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
            let text = fresh()?;
            write_private(path, &text).map_err(io)?;
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(KeysError::Missing(path.to_owned())),
        Err(error) => Err(io(error)),
    }
}

/// Writes a file that only its owner can read, and never over another.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
