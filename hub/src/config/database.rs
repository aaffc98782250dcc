//! Where the truth is.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{ConfigError, between, hidden, within};

/// The section `database`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/database`; also read from `DATABASE_URL`.
    #[serde(serialize_with = "hidden")]
    pub url: SecretString,
    /// The password, where it is kept apart from the URL, as RDS keeps it. Empty: the one of the URL.
    #[serde(serialize_with = "hidden")]
    pub password: SecretString,
    /// A file with who vouches for the database's certificate, besides those that this machine trusts. With it the certificate
    /// and the host's name are verified whatever the URL says (`sslmode=verify-full`). Empty: the URL says, and nobody else vouches.
    pub ca_file: PathBuf,
    /// For `hub migrate` alone: the URL with the login that may become the schema's owner. With it `hub migrate` makes the login
    /// of `url`, which then may not. Empty: there is one login.
    #[serde(serialize_with = "hidden")]
    pub owner_url: SecretString,
    /// The owner's password, where it is kept apart from that URL.
    #[serde(serialize_with = "hidden")]
    pub owner_password: SecretString,
    /// Connections of the role that works for one agent.
    pub app_connections: u32,
    /// Connections of the role that works across agents.
    pub system_connections: u32,
    /// How long to wait for a free connection, in milliseconds.
    pub acquire_timeout_ms: u64,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: SecretString::from(""),
            password: SecretString::from(""),
            ca_file: PathBuf::new(),
            owner_url: SecretString::from(""),
            owner_password: SecretString::from(""),
            app_connections: 16,
            system_connections: 8,
            acquire_timeout_ms: 5_000,
        }
    }
}

impl DatabaseConfig {
    /// Whether `hub migrate` has a login of its own.
    #[must_use]
    pub fn has_owner(&self) -> bool {
        !self.owner_url.expose_secret().is_empty()
    }

    /// The same database as its owner logs in; as everyone does, where there is one login.
    #[must_use]
    pub fn of_owner(&self) -> Self {
        if !self.has_owner() {
            return self.clone();
        }
        Self {
            url: self.owner_url.clone(),
            password: self.owner_password.clone(),
            ..self.clone()
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        within(
            !self.has_owner() || is_password(self.password.expose_secret()),
            "database.password",
            "must be 16 to 200 printable ASCII characters where database.owner_url is set, for `hub migrate` makes the login with it",
        )?;
        between(self.app_connections, 2..=1_000, "database.app_connections")?;
        between(self.system_connections, 3..=1_000, "database.system_connections")?;
        between(
            self.acquire_timeout_ms,
            100..=60_000,
            "database.acquire_timeout_ms",
        )
    }
}

/// What every client proves in the same way: others than ASCII are prepared first, not everywhere alike.
fn is_password(text: &str) -> bool {
    (16..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
