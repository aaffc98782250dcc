//! What a write does not take: a body where it declares none, and query parameters. Whoever says something means it, so that what
//! would be ignored is refused.

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures_util::stream;
use serde_json::json;
use support::Operation;

use super::Case;
use crate::sample::{Good, Sample, ask};

fn writes(sample: &Sample) -> impl Iterator<Item = &Operation> {
    let all = sample.api.operations.iter();
    all.filter(|operation| operation.method != Method::GET)
}

fn without_bodies(sample: &Sample) -> impl Iterator<Item = &Operation> {
    writes(sample).filter(|operation| operation.body.is_none())
}

#[tokio::test]
async fn a_query_parameter_that_a_write_does_not_take_is_pointed_at() {
    let sample = Sample::new().await;
    for operation in writes(&sample) {
        let case = Case::of(&sample, operation).await;
        let path = &case.good.path;
        for (query, pointer) in [
            ("dry_run=true", "?dry_run"),
            ("dry_run", "?dry_run"),
            ("=", "?"),
            ("a%20b=1&zzz=2", "?a b"),
            ("%FF=1", "?\u{fffd}"),
        ] {
            assert!(
                operation.in_query.is_empty(),
                "add here one that {} does not take",
                operation.id
            );
            let _ = case.at(&format!("{path}?{query}")).await.points_at(pointer);
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn a_body_that_a_write_does_not_take_is_refused() {
    let sample = Sample::new().await;
    for operation in without_bodies(&sample) {
        let mut case = Case::of(&sample, operation).await;
        let told = case.with_body(&json!({"to": "Nora only", "dry/run": true})).await;
        assert_eq!(told.points_at("/to").pointers(), ["/dry~1run", "/to"]);
        for none in [json!([]), json!("a"), json!(5), json!([{}])] {
            let _ = case.with_body(&none).await.points_at("");
        }
        for broken in ["{", "to=Nora", "{}{}", "\0"] {
            let _ = case.ask().raw(broken).send().await.refuses(400, "malformed");
        }
        // Whatever it is said to be.
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let sent = case.ask().raw("to=Nora").header("content-type", kind).send();
            let _ = sent.await.refuses(400, "malformed");
        }
        let pieces = stream::iter([
            Ok::<_, std::io::Error>(Bytes::from("{\"to\":")),
            Ok(Bytes::from("1}")),
        ]);
        let unannounced = case.ask().raw(Body::from_stream(pieces)).without("content-type");
        let _ = unannounced.send().await.points_at("/to");
        let _ = case
            .ask()
            .raw(" ".repeat(2_000_000))
            .send()
            .await
            .refuses(413, "too_large");
        // Clients that always send one send an empty one.
        case.good.body = Some(json!({}));
        case.ends().await;
    }
}

/// Who may not learns that first, as at a write that takes a body.
#[tokio::test]
async fn who_may_not_is_told_so_before_what_they_sent_is_looked_at() {
    let sample = Sample::new().await;
    let guest = sample.hub.home.user("gus", hub::identity::Role::Guest).await;
    let guest = sample.rest.user(&guest).await;
    for operation in without_bodies(&sample) {
        let good = sample.good(operation).await;
        let said = Good {
            path: format!("{}?dry_run=true", good.path),
            body: Some(json!({"to": "Nora only"})),
        };
        let _ = ask(&sample.rest.nobody(), operation, &said)
            .send()
            .await
            .expect(401);
        if operation.id == "revoke_device" {
            let _ = ask(&guest, operation, &said).send().await.expect(403);
        }
    }
}
