//! What people decide about a device that asks, and how often they may try.

use axum::http::Method;
use chrono::Duration;
use serde_json::json;

use super::Home;

#[tokio::test]
async fn of_two_who_decide_at_once_one_does() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let mut other = home.approval(&codes);
    other["name"] = json!("another lamp");
    let (one, two) = tokio::join!(home.approves(&codes), home.ada.post("pairings/approve", other));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422], "{} {}", one.told(), two.told());
    assert_eq!(home.hub.sql().count("devices", "name like '%lamp'").await, 1);
}

#[tokio::test]
async fn a_person_gives_no_more_than_a_device_can_have() {
    let home = Home::new().await;
    let codes = home.starts().await;
    for (field, value, pointer) in [
        ("scopes", json!(["events:write", "agents:write"]), "/scopes/1"),
        ("scopes", json!(["events:read"]), "/scopes"),
        ("scopes", json!([]), "/scopes"),
        ("capabilities", json!(["lamp.on", "shell.run"]), "/capabilities/1"),
        ("space_id", json!(home.hub.home.agent), "/space_id"),
        ("name", json!("a\u{202e}b"), "/name"),
    ] {
        let mut approval = home.approval(&codes);
        approval[field] = value;
        let _ = home
            .ada
            .post("pairings/approve", approval)
            .await
            .points_at(pointer);
    }
    let mut taken = home.approval(&codes);
    taken["name"] = json!("Kitchen");
    let _ = home
        .ada
        .post("pairings/approve", taken)
        .await
        .refuses(409, "name_taken");
    // Nothing of this used the code up.
    let mut approval = home.approval(&codes);
    approval["scopes"] = json!(["events:read", "events:write", "events:read"]);
    approval["capabilities"] = json!(["lamp.on"]);
    let made = home.ada.post("pairings/approve", approval).await.expect(201);
    assert_eq!(made.json["scopes"], json!(["events:read", "events:write"]));
    let asks = json!({"client_id": "lamp", "scope": "actions:decide"});
    let _ = home
        .rest
        .nobody()
        .post("/v1/pairings", asks)
        .await
        .points_at("/scope");
}

#[tokio::test]
async fn user_codes_cannot_be_guessed_for_long() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let find = async |code: &str| home.ada.post("pairings/find", json!({"user_code": code})).await;
    // What cannot be a code is no guess.
    for _ in 0..20 {
        let _ = find("hello").await.points_at("/user_code");
    }
    for _ in 0..10 {
        let _ = find("BBBB-BBBB").await.points_at("/user_code");
    }
    let throttled = find(&codes.user).await.refuses(429, "throttled");
    assert_eq!(throttled.header("retry-after"), Some("30"));
    let _ = home.approves(&codes).await.refuses(429, "throttled");
    // Another owner has tries of their own, and each wrong one of the first is in the audit log.
    let away = home.hub.household("away").await;
    let grace = home.rest.user(&away.owner("grace").await).await;
    let _ = grace
        .post("pairings/find", json!({"user_code": codes.user}))
        .await
        .expect(200);
    let refused = "operation = 'sign_in' and body like '%\"user_code\"%' and body like '%\"refused\"%'";
    assert_eq!(home.hub.sql().count("audit_entries", refused).await, 10);
    home.later(Duration::seconds(30));
    let _ = find(&codes.user).await.expect(200);
}

#[tokio::test]
async fn a_repeat_of_an_approval_with_the_same_key_is_harmless() {
    let home = Home::new().await;
    let codes = home.starts().await;
    let body = home.approval(&codes);
    let again = async || {
        let ask = home.ada.ask(Method::POST, "pairings/approve").json(&body);
        ask.header("idempotency-key", "k1").send().await.expect(201)
    };
    assert_eq!(again().await.json, again().await.json);
    assert_eq!(home.hub.sql().count("devices", "name = 'lamp'").await, 1);
}
