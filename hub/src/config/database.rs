//! Where the truth is.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{ConfigError, between, hidden};

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
            app_connections: 16,
            system_connections: 8,
            acquire_timeout_ms: 5_000,
        }
    }
}

impl DatabaseConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        between(self.app_connections, 2..=1_000, "database.app_connections")?;
        between(self.system_connections, 3..=1_000, "database.system_connections")?;
        between(
            self.acquire_timeout_ms,
            100..=60_000,
            "database.acquire_timeout_ms",
        )
    }
}
