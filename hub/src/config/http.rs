//! The REST edge.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{ConfigError, within};

/// The section `http`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Longest time a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// Origins that browsers may call from.
    pub allowed_origins: Vec<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_body_bytes: 256 * 1024,
            request_timeout_ms: 40_000,
            allowed_origins: Vec::new(),
        }
    }
}

impl HttpConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let megabytes = 16 * 1024 * 1024;
        within(
            (1024..=megabytes).contains(&self.max_body_bytes),
            "http.max_body_bytes",
            "must be between 1 KiB and 16 MiB",
        )
    }
}
