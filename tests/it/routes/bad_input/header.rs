//! Headers of ours: idempotency keys and request ids.

use axum::http::Method;

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

#[tokio::test]
async fn a_strange_request_id_is_replaced() {
    let sample = Sample::new().await;
    let long = "i".repeat(101);
    for strange in [&b""[..], b"a b", b"\xff", b"<script>", b"a\"b", long.as_bytes()] {
        let sent = sample
            .owner
            .ask(Method::GET, "/v1/me")
            .header("x-request-id", strange);
        let answer = sent.send().await.expect(200);
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 36 && id.as_bytes() != strange, "{id}");
    }
    let sent = sample
        .owner
        .ask(Method::GET, "/v1/me")
        .header("x-request-id", "mine-1.2_3");
    assert_eq!(sent.send().await.header("x-request-id"), Some("mine-1.2_3"));
}
