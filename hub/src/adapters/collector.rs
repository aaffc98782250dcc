//! The collector of traces: OTLP over HTTP, in batches, on the life of the process. It is nobody's dependency: while it is
//! away spans are dropped and counted, which is said once in a while, and nothing else waits for it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use secrecy::ExposeSecret;

use crate::{
    adapters::body::{self, Unread},
    backoff::doubled,
    config::TelemetryConfig,
    error::root,
    lifecycle::Lifecycle,
    telemetry::{Spans, metric},
    tls,
};

/// Spans of one request at most, about 250 KB.
const BATCH: usize = 512;
/// How long spans gather after the first.
const GATHER: Duration = Duration::from_secs(1);
/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(5);
/// What is left at the end of the process has this long: within what the last tasks have.
const FLUSH_WITHIN: Duration = Duration::from_millis(1_500);
/// The first wait after a failure; it doubles with each one that follows.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// An outage is said this often.
const SAY_AGAIN: Duration = Duration::from_mins(10);
/// An answer at most: it holds a count and a sentence.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Starts sending spans to the collector. They are sent until all else of the process has ended, and then the rest.
pub fn start(life: &Lifecycle, config: &TelemetryConfig, mut spans: Spans) -> Result<(), ExporterBuildError> {
    let cause = Cause::default();
    let mut exporter = exporter(config, cause.clone())?;
    exporter.set_resource(&spans.resource);
    let mut collector = Collector {
        exporter,
        cause,
        failures: 0,
        said_at: None,
    };
    let end = life.clone();
    life.spawn_last(async move {
        let out_of_time = async {
            end.drained().await;
            tokio::time::sleep(FLUSH_WITHIN).await;
        };
        tokio::select! {
            () = collector.run(&mut spans, &end) => {}
            () = out_of_time => tracing::warn!("the collector did not take the last spans in time"),
        }
    });
    Ok(())
}

fn exporter(config: &TelemetryConfig, cause: Cause) -> Result<SpanExporter, ExporterBuildError> {
    tls::choose_provider();
    let http = reqwest::Client::builder()
        .timeout(WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| ExporterBuildError::InternalFailure(error.to_string()))?;
    let headers = config.headers().unwrap_or_default().into_iter();
    SpanExporter::builder()
        .with_http()
        .with_http_client(Http { http, cause })
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!(
            "{}/v1/traces",
            config.otlp_endpoint.trim_end_matches('/')
        ))
        .with_headers(
            headers
                .map(|(name, value)| (name, value.expose_secret().to_owned()))
                .collect(),
        )
        .with_timeout(WITHIN)
        .with_retry_policy(RetryPolicy::recommended().with_max_retries(0))
        .build()
}

struct Collector {
    exporter: SpanExporter,
    cause: Cause,
    /// Failures in a row.
    failures: u32,
    said_at: Option<Instant>,
}

impl Collector {
    /// Sends what waits, batch by batch, until the process has drained and nothing waits any more.
    async fn run(&mut self, spans: &mut Spans, life: &Lifecycle) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = spans.waiting.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = life.drained() => break,
            }
            let pause = GATHER.max(self.wait());
            tokio::select! { () = tokio::time::sleep(pause) => {}, () = life.drained() => {} }
            take(spans, &mut batch);
            self.send(&mut batch).await;
        }
        take(spans, &mut batch);
        while !batch.is_empty() {
            self.send(&mut batch).await;
            if self.failures > 0 {
                return;
            }
            take(spans, &mut batch);
        }
    }

    async fn send(&mut self, batch: &mut Vec<SpanData>) {
        let count = batch.len();
        let batch = std::mem::replace(batch, Vec::with_capacity(BATCH));
        match self.exporter.export(batch).await {
            Ok(()) => {
                if std::mem::take(&mut self.failures) > 0 {
                    self.said_at = None;
                    tracing::info!("the collector of traces is back");
                }
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let dropped = u64::try_from(count).unwrap_or(u64::MAX);
                metrics::counter!(metric::SPANS_DROPPED, "reason" => "collector").increment(dropped);
                if self.said_at.is_none_or(|at| at.elapsed() >= SAY_AGAIN) {
                    self.said_at = Some(Instant::now());
                    // The library says no more of a lost connection than that it was one.
                    let error = self.cause.take().unwrap_or_else(|| error.to_string());
                    tracing::warn!(
                        error,
                        spans = count,
                        "the collector does not take traces; they are dropped"
                    );
                }
            }
        }
    }

    fn wait(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            failures => doubled(FIRST_WAIT, failures - 1, LONGEST_WAIT),
        }
    }
}

/// Fills a batch with what already waits.
fn take(spans: &mut Spans, batch: &mut Vec<SpanData>) {
    while batch.len() < BATCH
        && let Ok(span) = spans.waiting.try_recv()
    {
        batch.push(span);
    }
}

/// Why the last request found nobody, for the operator.
#[derive(Debug, Clone, Default)]
struct Cause(Arc<Mutex<Option<String>>>);

impl Cause {
    fn keep(&self, error: &reqwest::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(root(error));
    }

    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The exporter's way out: our client, with an answer that is bounded.
#[derive(Debug)]
struct Http {
    http: reqwest::Client,
    cause: Cause,
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.http.execute(request.try_into()?).await;
        let mut answer = sent.inspect_err(|error| self.cause.keep(error))?;
        let body = match body::whole(&mut answer, MAX_ANSWER_BYTES).await {
            Ok(body) => body,
            Err(Unread::Broken(error)) => return Err(error.into()),
            Err(Unread::TooLong) => return Err("the answer is too long".into()),
        };
        let mut whole = Response::new(body.into());
        *whole.status_mut() = answer.status();
        Ok(whole)
    }
}
