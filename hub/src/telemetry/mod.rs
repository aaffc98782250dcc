//! Logs and metrics.

pub mod metric;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// Telemetry that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    /// Another subscriber is there.
    #[error("logs: {0}")]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
    /// Another recorder is there.
    #[error("metrics: {0}")]
    Recorder(#[from] BuildError),
}

/// Starts the log of this process, on standard error.
pub fn start_log(config: &LogConfig) -> Result<(), TelemetryError> {
    let is_terminal = std::io::stderr().is_terminal();
    let words = match (config.filter.as_str(), is_terminal) {
        ("", true) => "warn",
        ("", false) => "info,sqlx=warn",
        (filter, _) => filter,
    };
    let registry = tracing_subscriber::registry().with(EnvFilter::try_new(words)?);
    let is_text = match config.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => is_terminal,
    };
    if is_text {
        registry
            .with(fmt::layer().with_ansi(is_terminal).with_writer(std::io::stderr))
            .try_init()?;
    } else {
        registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            )
            .try_init()?;
    }
    Ok(())
}

/// Starts the metrics of this process; the handle renders them.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&metric::SECONDS_BUCKETS)?
        .install_recorder()?;
    metric::describe();
    Ok(handle)
}
