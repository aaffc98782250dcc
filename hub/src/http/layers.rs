//! What happens around every request: an id, a deadline, one wide event in the log, the body of a refusal.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::{
    problem::{Failed, Refusal, render},
    v1::artifacts,
};
use crate::{
    error::Error,
    hub::Hub,
    identity::Caller,
    ids,
    telemetry::{metric, trace},
};

/// The header that carries a request's id both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header with which a caller says of which trace its request is a part.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// How long a UUID is, with hyphens and without.
const UUID_CHARS: [usize; 2] = [36, 32];

/// What is known of a request while it is answered.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The request's id.
    pub id: String,
    caller: Arc<OnceLock<Caller>>,
}

impl RequestContext {
    /// The context of a request; a fresh one where the layer was left out.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self::new(None))
    }

    fn new(given: Option<&HeaderValue>) -> Self {
        let given = given
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_request_id(id));
        let id = given.map_or_else(|| ids::fresh().to_string(), str::to_owned);
        Self {
            id,
            caller: Arc::default(),
        }
    }

    /// Notes who is calling, for the log and for the audit log.
    pub fn name(&self, caller: &Caller) {
        let _ = self.caller.set(caller.clone());
    }

    /// Who is calling, once they are known.
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.get()
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

/// Whether a caller's own id counts. It stands in the audit log for ever, so it must have no room for words: a UUID, or a trace's id,
/// which looks like one without its hyphens.
fn is_request_id(id: &str) -> bool {
    UUID_CHARS.contains(&id.len()) && Uuid::try_parse(id).is_ok()
}

/// The one layer: outermost, so that nothing escapes it.
pub async fn around(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    let method = known(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let span = span(method, &route, &request);
    Box::pin(answered(hub, request, next, method, route))
        .instrument(span)
        .await
}

/// What a machine asks every few seconds is no story.
fn span(method: &'static str, route: &str, request: &Request) -> Span {
    if matches!(route, "/healthz" | "/readyz" | "/metrics") {
        return Span::none();
    }
    let traceparent = request.headers().get(&TRACEPARENT);
    trace::request(method, route, traceparent.and_then(|value| value.to_str().ok()))
}

async fn answered(
    hub: Hub,
    mut request: Request,
    next: Next,
    method: &'static str,
    route: String,
) -> Response {
    let started = Instant::now();
    let context = RequestContext::new(request.headers().get(&REQUEST_ID));
    request.extensions_mut().insert(context.clone());
    let deadline = deadline(&hub, method, &route);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match tokio::time::timeout(deadline, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Failed(Error::internal("a handler panicked")).into_response(),
        Err(_) => Failed(Error::Unavailable {
            what: "an answer in time",
            source: None,
        })
        .into_response(),
    };
    let refusal = response.extensions_mut().remove::<Refusal>();
    if let Some(Refusal(error)) = &refusal {
        response = render(error, response.status(), &context.id);
    }
    // Answers hold what is private, some of them tokens: nobody between keeps one.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    tell(
        &context,
        &Told {
            method,
            route: &route,
            started,
        },
        &response,
        refusal.as_ref(),
    );
    response
}

/// Within which a request must be answered. The bytes of an artifact take theirs, and each piece of them is waited for by itself.
fn deadline(hub: &Hub, method: &str, route: &str) -> Duration {
    if method == "PUT" && route == artifacts::BYTES {
        return artifacts::TRANSFER;
    }
    Duration::from_millis(hub.config.http.request_timeout_ms)
}

/// The method as a label: whoever invents others must not make the metrics grow.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"];
    KNOWN
        .into_iter()
        .find(|known| method.as_str() == *known)
        .unwrap_or("OTHER")
}

struct Told<'a> {
    method: &'a str,
    route: &'a str,
    started: Instant,
}

fn tell(context: &RequestContext, told: &Told<'_>, response: &Response, refusal: Option<&Refusal>) {
    let status = response.status().as_u16();
    let seconds = told.started.elapsed().as_secs_f64();
    let operation = format!("{} {}", told.method, told.route);
    metrics::counter!(metric::HTTP_REQUESTS, "operation" => operation.clone(), "status" => status.to_string()).increment(1);
    metrics::histogram!(metric::HTTP_SECONDS, "operation" => operation).record(seconds);
    let named = context
        .caller()
        .map(|caller| (caller.agent.to_string(), caller.key()));
    let (agent, principal) = named.unwrap_or_default();
    let error = refusal.map(|Refusal(error)| error.chain());
    trace::answered(&Span::current(), status, &agent);
    if status >= 500 {
        tracing::error!(
            request.id = context.id,
            http.method = told.method,
            http.route = told.route,
            http.status = status,
            duration_ms = seconds * 1000.0,
            agent.id = agent,
            principal,
            error,
            "request"
        );
    } else {
        tracing::info!(
            request.id = context.id,
            http.method = told.method,
            http.route = told.route,
            http.status = status,
            duration_ms = seconds * 1000.0,
            agent.id = agent,
            principal,
            error,
            "request"
        );
    }
}
