//! Passwords: argon2id, a bound on how many are hashed at once, and the same time for a user who does not exist.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

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
const AT_ONCE: usize = 2;
/// Passwords that wait for their turn at most: about a second's work. A flood is turned away, not queued.
const MOST_WAITING: usize = 32;
/// After this there may be room again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
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

/// Where passwords are hashed, so many at once.
#[derive(Debug)]
pub struct Passwords {
    places: Arc<Semaphore>,
    slots: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE + MOST_WAITING)),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Passwords {
    /// Hashes a password.
    pub async fn hash(&self, password: SecretString) -> Result<String> {
        self.on_a_slot(move || hash_now(password.expose_secret())).await?
    }

    /// Whether a password has a hash; without one it takes as long and is wrong.
    pub async fn verify(&self, password: SecretString, hash: Option<SecretString>) -> Result<bool> {
        self.on_a_slot(move || verify_now(&password, hash.as_ref())).await
    }

    async fn on_a_slot<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Error::Throttled {
            retry_after: ASK_AGAIN,
        })?;
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|error| Error::because("the password slots are gone", error))?;
        // Both go with the work: a client that has gone does not make room while its password is still hashed.
        let hashing = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((place, slot));
            done
        });
        hashing
            .await
            .map_err(|error| Error::because("hashing failed", error))
    }
}

fn verify_now(password: &SecretString, hash: Option<&SecretString>) -> bool {
    let stored = hash.map_or(NOBODY.as_str(), ExposeSecret::expose_secret);
    let is_right = PasswordHash::new(stored).is_ok_and(|parsed| {
        Argon2::default()
            .verify_password(password.expose_secret().as_bytes(), &parsed)
            .is_ok()
    });
    is_right && hash.is_some()
}

fn hash_now(password: &str) -> Result<String> {
    let salt = random_bytes::<16>();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string())
        .map_err(|_| Error::internal("a password could not be hashed"))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_flood_of_passwords_is_turned_away_and_the_next_one_is_let_in() {
        let passwords = Passwords::default();
        let typed = || passwords.verify(SecretString::from("a password"), None);
        let flood = join_all((0..AT_ONCE + MOST_WAITING + 5).map(|_| typed())).await;
        let turned_away = flood
            .iter()
            .filter(|done| matches!(done, Err(Error::Throttled { .. })))
            .count();
        assert_eq!(turned_away, 5);
        assert!(!typed().await.unwrap());
    }
}
