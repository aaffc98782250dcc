//! Headers of ours: idempotency keys and request ids.

use axum::http::Method;
use serde_json::json;

use super::Case;
use crate::sample::Sample;

#[tokio::test]
async fn a_wrong_idempotency_key_is_refused() {
    let sample = Sample::new().await;
    let taking = sample
        .api
        .operations
        .iter()
        .filter(|operation| operation.takes_a_key());
    for operation in taking {
        let case = Case::of(&sample, operation).await;
        let (long, huge) = ("k".repeat(201), "k".repeat(100_000));
        for wrong in [
            &b""[..],
            b"\xff",
            b"caf\xc3\xa9",
            long.as_bytes(),
            huge.as_bytes(),
        ] {
            let answer = case.ask().header("idempotency-key", wrong).send().await;
            let _ = answer.refuses(400, "malformed");
        }
        case.ends().await;
    }
}

/// What stands in it stays in the audit log for ever, so that it must have no room for words.
#[tokio::test]
async fn a_request_id_that_is_no_uuid_is_replaced() {
    let sample = Sample::new().await;
    let long = "i".repeat(101);
    for strange in [
        &b""[..],
        b"a b",
        b"\xff",
        b"<script>",
        b"a\"b",
        long.as_bytes(),
        b"mine-1.2_3",
        b"Noras-test-was-positive",
        b"Noras-test-was-positive-yesterday-ok",
        b"{01890000-0000-7000-8000-000000000000}",
        b"urn:uuid:01890000-0000-7000-8000-000000000000",
        b"018900000000-7000-8000-000000000000000",
        b"01890000-0000-7000-8000-00000000000g",
    ] {
        let sent = sample
            .owner
            .ask(Method::POST, "spaces")
            .json(&json!({"name": sample.text()}));
        let answer = sent.header("x-request-id", strange).send().await.expect(201);
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 36 && id.as_bytes() != strange, "{id}");
    }
    for words in ["Noras", "mine-1.2_3", "urn:uuid"] {
        let kept = format!("body like '%{words}%'");
        assert_eq!(sample.hub.sql().count("audit_entries", &kept).await, 0, "{words}");
    }
    // Of any version, and as trace ids are written.
    for own in [
        "01890000-0000-7000-8000-000000000000",
        "936DA01F-9ABD-4D9D-80C7-02AF85C822A8",
        "4bf92f3577b34da6a3ce929d0e0e4736",
    ] {
        let sent = sample
            .owner
            .ask(Method::GET, "/v1/me")
            .header("x-request-id", own);
        assert_eq!(sent.send().await.header("x-request-id"), Some(own));
    }
}
