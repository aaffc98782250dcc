//! Where traces go. Without an endpoint there are none, and they cost nothing.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{ConfigError, between, hidden, within};

/// The section `telemetry`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The base URL of an OTLP collector over HTTP, to which `/v1/traces` is added; also read from
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`. Empty: no traces.
    pub otlp_endpoint: String,
    /// Headers that the collector wants, as `name=value,name=value`; also read from `OTEL_EXPORTER_OTLP_HEADERS`.
    #[serde(serialize_with = "hidden")]
    pub otlp_headers: SecretString,
    /// The name of this hub among what the collector hears; also read from `OTEL_SERVICE_NAME`.
    pub service_name: String,
    /// The share of traces that are kept. Every process decides the same for a trace, by its id.
    pub sample_ratio: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp_endpoint: String::new(),
            otlp_headers: SecretString::from(""),
            service_name: "hub".to_owned(),
            sample_ratio: 1.0,
        }
    }
}

impl TelemetryConfig {
    /// Whether there is somebody to tell.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        !self.otlp_endpoint.is_empty()
    }

    /// The headers, name by value. None where they cannot be read.
    #[must_use]
    pub fn headers(&self) -> Option<Vec<(String, SecretString)>> {
        let pairs = self.otlp_headers.expose_secret().split(',');
        pairs
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=')?;
                let (name, value) = (name.trim(), value.trim());
                let is_name =
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                let is_value = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
                (is_name && is_value).then(|| (name.to_owned(), SecretString::from(value)))
            })
            .collect()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_url = self.otlp_endpoint.starts_with("https://") || self.otlp_endpoint.starts_with("http://");
        let is_plain = self.otlp_endpoint.bytes().all(|byte| byte.is_ascii_graphic());
        within(
            self.otlp_endpoint.is_empty() || is_url && is_plain,
            "telemetry.otlp_endpoint",
            "must be a URL like http://127.0.0.1:4318",
        )?;
        within(
            self.headers().is_some(),
            "telemetry.otlp_headers",
            "must be like name=value,name=value",
        )?;
        let is_name = (1..=100).contains(&self.service_name.len())
            && self.service_name.bytes().all(|byte| byte.is_ascii_graphic());
        within(
            is_name,
            "telemetry.service_name",
            "must be a word of 1 to 100 characters",
        )?;
        between(self.sample_ratio, 0.0..=1.0, "telemetry.sample_ratio")
    }
}
