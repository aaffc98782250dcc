//! Connections: how many may be open, how long one may take to say what it wants, and how they end.
//!
//! A connection costs its sender nothing, so each is bounded here: [`max_connections`](crate::config::HttpConfig) of them
//! at once, and the head of a request, the first as the next, within `header_timeout_ms`. From the head on the layers bound
//! the request, and `write_timeout_ms` how long its caller may take nothing of the answer. A connection that becomes a
//! satellite's socket is counted among the sockets from then on.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1::Builder, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower::ServiceExt;

use super::{patient::Patient, peer::Peer};
use crate::{hub::Hub, telemetry::metric};

/// What a connection buffers at most, and so the longest head of a request: several times what a browser sends.
const BUFFER: usize = 16 * 1024;
/// Connections at once to a process that only says how it is: supervisors and scrapers are few.
const MOST_ASKERS: usize = 64;
/// After this the system may have file descriptors again.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);
/// A hub that is full says so this often.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// Serves until the process closes; connections go on, on the tracker, until their request under way is answered.
pub async fn serve(hub: Hub, listener: TcpListener) {
    let (router, most) = (super::router(&hub), hub.config.http.max_connections);
    serve_with(hub, listener, router, most).await;
}

/// The same for a process that only says how it is.
pub async fn serve_operations(hub: Hub, listener: TcpListener) {
    let router = super::operations(&hub);
    serve_with(hub, listener, router, MOST_ASKERS).await;
}

/// The same with these routes, and so many connections at once.
pub async fn serve_with(hub: Hub, listener: TcpListener, router: Router, most: usize) {
    let (mut door, builder) = (Door::new(most), builder(&hub));
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = hub.lifecycle.closing() => return,
        };
        if let Some(place) = door.place() {
            let connection = connection(hub.clone(), builder.clone(), router.clone(), (stream, peer));
            hub.lifecycle.spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }
}

fn builder(hub: &Hub) -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(hub.config.http.header_timeout_ms))
        .max_buf_size(BUFFER);
    builder
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The one who came has gone again.
            Err(error) if is_theirs(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn is_theirs(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// One connection, from its first byte to its end or its upgrade.
async fn connection(hub: Hub, builder: Builder, router: Router, (stream, peer): (TcpStream, SocketAddr)) {
    // Answers are written whole; waiting for more to send only makes them late.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, Duration::from_millis(hub.config.http.write_timeout_ms));
    let service = service_fn(move |request| answer(router.clone(), peer, request));
    let mut connection = pin!(
        builder
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = hub.lifecycle.closing() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = hub.lifecycle.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer.ip()));
    router.oneshot(request).await
}

/// Lets in as many connections as there is room for. One too many is closed at once: an answer would cost what is short.
struct Door {
    places: Arc<Semaphore>,
    most: usize,
    said_at: Option<Instant>,
}

impl Door {
    fn new(most: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            most,
            said_at: None,
        }
    }

    fn place(&mut self) -> Option<Place> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            metrics::gauge!(metric::CONNECTIONS).increment(1.0);
            return Some(Place(permit));
        }
        metrics::counter!(metric::CONNECTIONS_REFUSED).increment(1);
        if self.said_at.is_none_or(|at| at.elapsed() >= SAY_AGAIN) {
            self.said_at = Some(Instant::now());
            tracing::warn!(
                most = self.most,
                "all connections are taken; more are closed at once"
            );
        }
        None
    }
}

/// Room for one connection; dropping it gives it back.
struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!(metric::CONNECTIONS).decrement(1.0);
    }
}
