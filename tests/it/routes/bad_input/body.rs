//! Bodies that are not JSON, do not say so, or are no object.

use serde_json::{Value, json};

use super::{Case, body_limit, field::put, with_bodies};
use crate::sample::Sample;

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        let whole = case.body().to_string();
        let half = &whole[..whole.len() - 1];
        let doubled = format!("{whole}{whole}");
        for broken in [
            "",
            " ",
            "{",
            "nul",
            "{'a': 1}",
            "{\"a\": }",
            "\u{feff}{}",
            half,
            &doubled,
        ] {
            let answer = case.ask().raw(broken.to_owned()).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        for broken in [&b"\xff\xfe"[..], b"{\"\xff\": 1}", b"\0", b"{\"name\": \"\x01\"}"] {
            let answer = case.ask().raw(broken.to_owned()).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn what_does_not_say_that_it_is_json_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "",
            "\u{fe}",
        ] {
            let answer = case.ask().header("content-type", kind).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        let _ = case
            .ask()
            .without("content-type")
            .send()
            .await
            .refuses(400, "malformed");
        case.ends().await;
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        let case = Case::of(&sample, operation).await;
        // serde would read a struct from an array of its fields.
        let values: Vec<Value> = case
            .fields()
            .iter()
            .filter_map(|field| case.body().pointer(&field.pointer).cloned())
            .collect();
        for body in [
            json!(values),
            json!([]),
            json!("a"),
            json!(5),
            json!(true),
            Value::Null,
        ] {
            let _ = case.with_body(&body).await.points_at("");
        }
        case.ends().await;
    }
}

#[tokio::test]
async fn what_is_nested_too_deeply_is_refused() {
    let sample = Sample::new().await;
    for operation in with_bodies(&sample) {
        // As deep as its body can be, at seven bytes for each level.
        let levels = (body_limit(&sample, operation) / 8).min(10_000);
        let case = Case::of(&sample, operation).await;
        let arrays = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        for deep in [
            arrays.clone(),
            objects,
            "[".repeat(levels),
            "{\"a\":[".repeat(levels),
        ] {
            let _ = case.ask().raw(deep).send().await.refuses(400, "malformed");
        }
        for field in case.fields() {
            let mut body = case.body();
            put(&mut body, &field.pointer, json!("HERE"));
            let raw = body.to_string().replace("\"HERE\"", &arrays);
            let _ = case.ask().raw(raw).send().await.refuses(400, "malformed");
        }
        case.ends().await;
    }
}
