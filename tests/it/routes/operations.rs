//! `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, and what browsers ask

use axum::http::Method;
use serde_json::json;
use support::{Api, Rest, TestHub};

#[tokio::test]
async fn a_hub_that_runs_is_alive_and_ready() {
    let hub = TestHub::start().await;
    let nobody = Rest::of(&hub).nobody();
    assert_eq!(
        nobody.get("/healthz").await.expect(200).json,
        json!({"status": "alive"})
    );
    let ready = nobody.get("/readyz").await.expect(200);
    assert_eq!(ready.json["is_ready"], true);
    assert_eq!(ready.text("/database"), "ok");
}

#[tokio::test]
async fn a_hub_that_closes_is_alive_and_not_ready() {
    let hub = TestHub::start().await;
    let nobody = Rest::of(&hub).nobody();
    hub.lifecycle.close();
    let _ = nobody.get("/healthz").await.expect(200);
    let closing = nobody.get("/readyz").await.expect(503);
    assert_eq!(
        (&closing.json["is_ready"], &closing.json["is_closing"]),
        (&json!(false), &json!(true))
    );
}

#[tokio::test]
async fn a_hub_without_its_database_is_alive_and_says_what_is_away() {
    let hub = TestHub::builder().proxied().start().await;
    let rest = Rest::of(&hub);
    let ada = rest.user(&hub.owner("ada").await).await;
    let proxy = hub.proxy.as_ref().unwrap();
    proxy.cut();
    let nobody = rest.nobody();
    let _ = nobody.get("/healthz").await.expect(200);
    let away = nobody.get("/readyz").await.expect(503);
    assert_eq!(away.text("/database"), "the database is not reachable");
    let refused = ada.get("spaces").await.refuses(503, "unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.text("/detail"), "the database is not reachable");
    proxy.heal();
    let _ = nobody.get("/readyz").await.expect(200);
    let _ = ada.get("spaces").await.expect(200);
}

#[tokio::test]
async fn metrics_are_text() {
    let hub = TestHub::start().await;
    let metrics = Rest::of(&hub).nobody().get("/metrics").await.expect(200);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let hub = TestHub::start().await;
    let served = Rest::of(&hub).nobody().get("/openapi.json").await.expect(200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert_eq!(&served.json, Api::read().document());
}

#[tokio::test]
async fn browsers_may_call_from_the_origins_that_are_configured() {
    let allowed = |config: &mut hub::config::Config| {
        let origin = "https://home.example".to_owned();
        config.http.allowed_origins.push(origin);
    };
    let hub = TestHub::builder().config(allowed).start().await;
    let nobody = Rest::of(&hub).nobody();
    let ask = |origin: &str| {
        let ask = nobody
            .ask(Method::OPTIONS, "/v1/sign-in")
            .header("origin", origin);
        ask.header("access-control-request-method", "POST").send()
    };
    let name = "access-control-allow-origin";
    assert_eq!(
        ask("https://home.example").await.header(name),
        Some("https://home.example")
    );
    assert_eq!(ask("https://evil.example").await.header(name), None);
    let refused = nobody
        .ask(Method::GET, "/v1/me")
        .header("origin", "https://home.example")
        .send()
        .await;
    // A refusal must be readable by the page, too.
    assert_eq!(refused.expect(401).header(name), Some("https://home.example"));
}
