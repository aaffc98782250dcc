//! The REST edge.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{ConfigError, TrustedProxy, between, within};

/// Longer than anybody waits.
const TEN_MINUTES_MS: u64 = 600_000;
/// Who reads for longer than a day can come again once.
const A_DAY_MS: u64 = 86_400_000;

/// The section `http`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Open connections at most; satellites' sockets are counted apart.
    pub max_connections: usize,
    /// How long a connection may take to send the head of a request, and may idle between two, in milliseconds.
    pub header_timeout_ms: u64,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// How long the body of a request may take to arrive, in milliseconds.
    pub body_timeout_ms: u64,
    /// Longest time a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// How long a caller may take nothing of what it is sent before its connection ends, in milliseconds.
    pub write_timeout_ms: u64,
    /// How long a stream of events stays open before whoever reads it must come again, in milliseconds.
    pub stream_ms: u64,
    /// Origins that browsers may call from.
    pub allowed_origins: Vec<String>,
    /// The address that people know the hub by, such as `https://hub.example.com`; empty: whatever address a device asked.
    pub public_url: String,
    /// Addresses or networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<TrustedProxy>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            // Each holds about 32 KiB while something is read: 650 MB at the worst.
            max_connections: 20_000,
            header_timeout_ms: 15_000,
            max_body_bytes: 256 * 1024,
            body_timeout_ms: 20_000,
            request_timeout_ms: 40_000,
            write_timeout_ms: 20_000,
            stream_ms: 3_600_000,
            allowed_origins: Vec::new(),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

impl HttpConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        between(self.max_connections, 1..=1_000_000, "http.max_connections")?;
        between(
            self.header_timeout_ms,
            100..=TEN_MINUTES_MS,
            "http.header_timeout_ms",
        )?;
        between(
            self.max_body_bytes,
            1024..=16 * 1024 * 1024,
            "http.max_body_bytes",
        )?;
        between(
            self.request_timeout_ms,
            1_000..=TEN_MINUTES_MS,
            "http.request_timeout_ms",
        )?;
        // The whole request's end would come first, and blame the hub.
        between(
            self.body_timeout_ms,
            100..=self.request_timeout_ms - 1,
            "http.body_timeout_ms",
        )?;
        between(
            self.write_timeout_ms,
            100..=TEN_MINUTES_MS,
            "http.write_timeout_ms",
        )?;
        between(self.stream_ms, 100..=A_DAY_MS, "http.stream_ms")?;
        within(
            self.allowed_origins.iter().all(|origin| is_origin(origin)),
            "http.allowed_origins",
            "must be origins as browsers send them, such as https://home.example: no path, no *",
        )?;
        within(
            self.public_url.is_empty() || is_origin(self.public_url.trim_end_matches('/')),
            "http.public_url",
            "must be an address such as https://hub.example.com: no path",
        )
    }
}

fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b))
    })
}
