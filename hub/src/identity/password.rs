//! Passwords: argon2id, a bound on how many are hashed at once, and the same time for a user who does not exist.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{
    error::{Error, Result},
    secret::random_bytes,
};

/// Characters of a password at least.
pub const MIN_CHARS: usize = 10;
/// Bytes of a password at most: hashing must not be a way to keep the hub busy.
pub const MAX_BYTES: usize = 1024;
/// Hashes at once: each takes 19 MiB and tens of milliseconds of a core.
static SLOTS: Semaphore = Semaphore::const_new(2);
/// A hash that no password has: verified against when there is no such user, so that both take as long.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody").expect("argon2 hashes with its defaults"));

/// Refuses a password that is too short or too long.
pub fn check(password: &SecretString, pointer: &str) -> Result<()> {
    let text = password.expose_secret();
    if text.chars().count() < MIN_CHARS {
        return Err(Error::invalid(
            pointer,
            format!("must have at least {MIN_CHARS} characters"),
        ));
    }
    if text.len() > MAX_BYTES {
        return Err(Error::invalid(
            pointer,
            format!("must have at most {MAX_BYTES} bytes"),
        ));
    }
    Ok(())
}

/// Hashes a password.
pub async fn hash(password: SecretString) -> Result<String> {
    on_a_slot(move || hash_now(password.expose_secret())).await?
}

/// Whether a password has a hash; without one it takes as long and is wrong.
pub async fn verify(password: SecretString, hash: Option<SecretString>) -> Result<bool> {
    on_a_slot(move || {
        let stored = hash.as_ref().map_or(NOBODY.as_str(), ExposeSecret::expose_secret);
        let is_right = PasswordHash::new(stored).is_ok_and(|parsed| {
            Argon2::default()
                .verify_password(password.expose_secret().as_bytes(), &parsed)
                .is_ok()
        });
        is_right && hash.is_some()
    })
    .await
}

fn hash_now(password: &str) -> Result<String> {
    let salt = random_bytes::<16>();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string())
        .map_err(|_| Error::internal("a password could not be hashed"))
}

async fn on_a_slot<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let slot = SLOTS
        .acquire()
        .await
        .map_err(|error| Error::because("the password slots are gone", error))?;
    // The slot goes with the work: a client that has gone does not make room while its password is still hashed.
    let hashing = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(slot);
        done
    });
    hashing
        .await
        .map_err(|error| Error::because("hashing failed", error))
}
