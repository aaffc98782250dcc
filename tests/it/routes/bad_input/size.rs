//! Bodies beyond the bound, and of just the bound.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures_util::stream;
use hub::http::bodies::Sender;

use super::{Case, body_limit, with_bodies};
use crate::sample::Sample;

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_before_it_is_read() {
    const CHUNK: usize = 64 * 1024;
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let limit = body_limit(&sample, operation);
        let case = Case::of(&sample, operation).await;
        let read = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&read);
        let chunks = (0..10 * 1024 * 1024 / CHUNK).map(move |_| {
            counter.fetch_add(CHUNK, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from(vec![b' '; CHUNK]))
        });
        let body = Body::from_stream(stream::iter(chunks));
        let _ = case.ask().raw(body).send().await.refuses(413, "too_large");
        let read = read.load(Ordering::Relaxed);
        assert!(
            read <= limit + CHUNK,
            "{read} bytes of a body were read, {limit} are allowed"
        );
        let whole = case.body().to_string();
        let padded = format!("{}{whole}", " ".repeat(limit + 1 - whole.len()));
        let _ = case.ask().raw(padded).send().await.refuses(413, "too_large");
        case.ends().await;
    }
}

#[tokio::test]
async fn a_body_of_just_the_bound_is_read() {
    let sample = Sample::new().await;
    let limit = sample.hub.config.http.max_body_bytes;
    let body = r#"{"name": "hall"}"#;
    let padded = format!("{}{body}", " ".repeat(limit - body.len()));
    let sent = sample.owner.ask(Method::POST, "spaces").raw(padded);
    let _ = sent.send().await.expect(201);
}

#[tokio::test]
async fn a_body_for_which_there_is_no_room_is_refused_for_now() {
    let sample = Sample::new().await;
    let body = serde_json::json!({"name": "hall"});
    // Others hold all but a byte.
    let held = sample.hub.bodies.hold(Sender::Caller, 64 * 1024 * 1024 - 1);
    let refused = sample.owner.post("spaces", body.clone()).await;
    let refused = refused.refuses(503, "unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let _ = sample
        .rest
        .nobody()
        .post("/v1/sign-in", body.clone())
        .await
        .expect(422);
    drop(held);
    let _ = sample.owner.post("spaces", body).await.expect(201);
}
