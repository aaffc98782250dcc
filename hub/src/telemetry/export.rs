//! From a span that ended to the queue of those to be exported. The queue is bounded: what finds no room is counted and
//! dropped, and nobody waits. What takes them out and sends them is `adapters::collector`.

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use super::{metric, trace};
use crate::config::TelemetryConfig;

/// Spans that wait at most: what a busy hub makes in some seconds, about 2 MB.
const ROOM: usize = 4_096;

/// The spans that wait to be exported, and who they are from.
pub struct Spans {
    /// In the order in which they ended.
    pub waiting: Receiver<SpanData>,
    /// This process.
    pub resource: Resource,
    /// Makes the spans, for as long as it is held.
    _provider: SdkTracerProvider,
}

/// Puts the spans that ended into the queue.
#[derive(Debug)]
struct Outbox(Sender<SpanData>);

impl SpanProcessor for Outbox {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.0.try_send(span).is_err() {
            metrics::counter!(metric::SPANS_DROPPED, "reason" => "queue_full").increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The layer that makes the spans, and where they end up.
pub(super) fn layer<S>(config: &TelemetryConfig) -> (impl Layer<S> + Send + Sync + use<S>, Spans)
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let (sender, waiting) = channel(ROOM);
    let resource = Resource::builder_empty()
        .with_service_name(config.service_name.clone())
        .with_attributes([KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))])
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Outbox(sender))
        // By the trace's id alone: whoever calls decides for nobody, and every process of the hub decides the same.
        .with_sampler(Sampler::TraceIdRatioBased(config.sample_ratio))
        .with_resource(resource.clone())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("hub"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_ours));
    let spans = Spans {
        waiting,
        resource,
        _provider: provider,
    };
    (layer, spans)
}

/// Our own spans, and no event: a line in the log may hold what a collector must not know.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == trace::TARGET
}
