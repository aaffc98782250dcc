//! Logs, metrics and traces.

mod export;
mod log;
pub mod metric;
pub mod trace;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, FilterFn, ParseError},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

pub use export::Spans;
use log::WithTrace;

use crate::config::{LogConfig, LogFormat, TelemetryConfig};

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

/// What each of the layers is.
type Each = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts the log of this process, on standard error.
pub fn start_log(config: &LogConfig) -> Result<(), TelemetryError> {
    tracing_subscriber::registry().with(lines(config)?).try_init()?;
    Ok(())
}

/// The same with traces, where there is a collector; then what is returned has to be sent there.
pub fn start_log_and_traces(
    log: &LogConfig,
    telemetry: &TelemetryConfig,
) -> Result<Option<Spans>, TelemetryError> {
    if !telemetry.is_set() {
        start_log(log)?;
        return Ok(None);
    }
    let (layer, spans) = export::layer(telemetry);
    let layers: Vec<Each> = vec![lines(log)?, layer.boxed()];
    tracing_subscriber::registry().with(layers).try_init()?;
    trace::turn_on();
    Ok(Some(spans))
}

/// The lines on standard error.
fn lines(config: &LogConfig) -> Result<Each, TelemetryError> {
    let is_terminal = std::io::stderr().is_terminal();
    let words = match (config.filter.as_str(), is_terminal) {
        ("", true) => "warn",
        ("", false) => "info,sqlx=warn",
        (filter, _) => filter,
    };
    let filter = filter(words)?;
    let hint = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    // Spans are for traces. The log does not ask for any, so that without a collector none are made.
    let is_line = move |data: &Metadata<'_>| data.is_event() && *data.level() <= hint;
    let events = FilterFn::new(is_line).with_max_level_hint(hint);
    let filter = events.and(filter);
    let is_text = match config.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => is_terminal,
    };
    Ok(if is_text {
        fmt::layer()
            .with_writer(std::io::stderr)
            .map_event_format(|format| WithTrace(format.with_ansi(is_terminal)))
            .with_filter(filter)
            .boxed()
    } else {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .map_event_format(WithTrace)
            .with_filter(filter)
            .boxed()
    })
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
