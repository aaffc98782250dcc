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

/// Logs what it cannot read, in full: what was said would stand in the log.
const NEVER: &str = "async_openai=off";

/// Starts the log of this process, on standard error.
pub fn start_log(config: &LogConfig) -> Result<(), TelemetryError> {
    let is_terminal = std::io::stderr().is_terminal();
    let words = match (config.filter.as_str(), is_terminal) {
        ("", true) => "warn",
        ("", false) => "info,sqlx=warn",
        (filter, _) => filter,
    };
    let registry = tracing_subscriber::registry().with(filter(words)?);
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

/// What is said. Whatever was asked for, nothing of a library that logs whole answers of the model.
fn filter(words: &str) -> Result<EnvFilter, ParseError> {
    Ok(EnvFilter::try_new(words)?.add_directive(NEVER.parse()?))
}

/// Starts the metrics of this process; the handle renders them.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&metric::SECONDS_BUCKETS)?
        .install_recorder()?;
    metric::describe();
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_library_that_logs_answers_is_silent_whatever_is_asked_for() {
        for words in ["trace", "info,sqlx=warn", ""] {
            let filter = filter(words).unwrap().to_string();
            assert!(filter.contains("async_openai=off"), "{filter}");
        }
    }
}
