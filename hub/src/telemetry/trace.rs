//! Traces: what followed from what, from a request or a message over jobs and model calls to commands and their results.
//!
//! Every span of the hub is made here, so that one page shows what a collector is told: words and ids of ours, never a text,
//! a name or a token. A trace goes on in another process through a row: who queues a job, proposes an action or sends a
//! command leaves its [`context`] there, and who goes on with it makes a span under that.
//!
//! Without a collector no span is made: each is a disabled callsite.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use opentelemetry::{
    Context,
    propagation::TextMapPropagator,
    trace::{SpanContext, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// The target of every span that is exported.
pub const TARGET: &str = "hub::trace";
/// The header, and the spelling in rows.
const TRACEPARENT: &str = "traceparent";
/// Characters of a `traceparent` in its only version.
const LENGTH: usize = 55;

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Whether spans are made in this process.
#[must_use]
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

pub(super) fn turn_on() {
    IS_ON.store(true, Ordering::Relaxed);
}

/// The present span, as it is left in a row.
#[must_use]
pub fn context() -> Option<String> {
    if !is_on() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Context::current(), &mut carrier);
    carrier.remove(TRACEPARENT).filter(|text| text.len() == LENGTH)
}

/// The id of the present trace, for a line in the log.
pub(super) fn current_id() -> Option<String> {
    let present = Context::current();
    let span = present.span();
    let trace = span.span_context();
    trace.is_valid().then(|| trace.trace_id().to_string())
}

/// A request; under its sender's span where it says one. What it turns out to be is noted with [`answered`].
#[must_use]
pub fn request(method: &str, route: &str, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET, parent: None, "request", otel.name = format!("{method} {route}"), otel.kind = "server",
        otel.status_code = Empty, http.method = method, http.route = route, http.status = Empty, agent.id = Empty,
    );
    under(span, traceparent)
}

/// How a request was answered, and for which agent.
pub fn answered(span: &Span, status: u16, agent: &str) {
    span.record("http.status", status);
    if !agent.is_empty() {
        span.record("agent.id", agent);
    }
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// A message of a satellite; under the command that it is about.
#[must_use]
pub fn message(frame: &str, agent: Uuid, device: Uuid, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET, parent: None, "message", otel.name = format!("message {frame}"), otel.kind = "server",
        message.frame = frame, message.outcome = Empty, agent.id = %agent, device.id = %device,
    );
    under(span, traceparent)
}

/// What became of the message whose span this is in.
pub fn dealt_with(outcome: &str) {
    Span::current().record("message.outcome", outcome);
}

/// A job that a worker holds; under what queued it, at every try.
#[must_use]
pub fn job(kind: &str, id: Uuid, agent: Uuid, lost_leases: i32, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET, parent: None, "job", otel.name = format!("job {kind}"), otel.kind = "consumer",
        otel.status_code = Empty, job.kind = kind, job.id = %id, job.lost_leases = lost_leases, job.outcome = Empty,
        agent.id = %agent, turn.id = Empty, action.id = Empty,
    );
    under(span, traceparent)
}

/// What came of the job whose span this is in.
pub fn ended(outcome: &str) {
    let span = Span::current();
    span.record("job.outcome", outcome);
    if outcome != "done" {
        span.record("otel.status_code", "ERROR");
    }
}

/// One call of the model. Nothing of the trace goes along with it.
#[must_use]
pub fn model() -> Span {
    info_span!(
        target: TARGET, "model", otel.kind = "client", otel.status_code = Empty, model.outcome = Empty,
        model.input_tokens = Empty, model.output_tokens = Empty,
    )
}

/// What came of a call of the model, and the tokens that it read and wrote.
pub fn asked(span: &Span, outcome: &str, tokens: Option<(u32, u32)>) {
    span.record("model.outcome", outcome);
    match tokens {
        Some((read, written)) => {
            span.record("model.input_tokens", read);
            span.record("model.output_tokens", written);
        }
        None => {
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// A person's decision about an action: part of the action's story, and linked to the request that brought it.
#[must_use]
pub fn decision(operation: &str, action: Uuid, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET, "decision", otel.name = operation, otel.kind = "internal", action.id = %action,
    );
    let brought_by = Context::current().span().span_context().clone();
    match read(traceparent) {
        Some(story) if story.trace_id() != brought_by.trace_id() => {
            let span = under(span, traceparent);
            span.add_link(brought_by);
            span
        }
        _ => span,
    }
}

/// A command, from here on in its device's mailbox. All that becomes of it is under this.
#[must_use]
pub fn command(id: Uuid, device: Uuid) -> Span {
    info_span!(
        target: TARGET, "command", otel.kind = "producer", command.id = %id, device.id = %device,
    )
}

/// A command on its way to its device's socket.
#[must_use]
pub fn delivery(id: Uuid, device: Uuid, attempt: i32, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET, parent: None, "deliver", otel.kind = "producer", command.id = %id, device.id = %device,
        command.attempt = attempt,
    );
    under(span, traceparent)
}

/// Puts a span that has not begun under one of another process.
fn under(span: Span, traceparent: Option<&str>) -> Span {
    if let Some(parent) = read(traceparent) {
        // Refused where traces are off, and then there is nothing to put anywhere.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// A `traceparent`, as the W3C says how to read it. None where it is none.
fn read(traceparent: Option<&str>) -> Option<SpanContext> {
    let text = traceparent.filter(|text| is_on() && text.len() == LENGTH)?;
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), text.to_owned())]);
    let read = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    let parent = read.span().span_context().clone();
    parent.is_valid().then_some(parent)
}
