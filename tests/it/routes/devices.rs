//! `/v1/agents/{agent_id}/devices`

use axum::http::Method;
use serde_json::{Value, json};
use support::{Answer, Client, TestHub};

use super::home;

fn lamp(hub: &TestHub) -> Value {
    json!({"name": "lamp", "space_id": hub.home.kitchen.space})
}

async fn with_key(client: &Client, body: &Value) -> Answer {
    let sent = client
        .ask(Method::POST, "devices")
        .json(body)
        .header("idempotency-key", "k1");
    sent.send().await
}

#[tokio::test]
async fn a_device_is_made_with_a_credential_that_is_shown_once() {
    let (hub, rest, ada) = home().await;
    let made = ada.post("devices", lamp(&hub)).await.expect(201);
    let token = made.text("/token");
    assert!(token.starts_with("hubd_") && token.len() == 48, "{token}");
    assert_eq!(
        made.json["device"]["scopes"],
        json!(["events:write", "commands:receive", "state:write"])
    );
    assert_eq!(made.json["device"]["default_trust"], "household");
    let path = format!("devices/{}", made.text("/device/id"));
    let read = ada.get(&path).await.expect(200);
    assert_eq!(read.json, made.json["device"]);
    let listed = ada.get("devices").await.expect(200);
    assert_eq!(listed.items().last(), Some(&read.json));
    assert!(!String::from_utf8_lossy(&listed.bytes).contains("hubd_"));
    // The credential is known: a device may not do this, but it is not a stranger.
    let _ = rest.bearer(token).get("spaces").await.refuses(403, "forbidden");
    let _ = rest.bearer(token).get("/v1/me").await.refuses(403, "forbidden");
}

/// Whoever reads the name of what they approve must read what is there.
#[tokio::test]
async fn a_name_with_control_characters_is_refused_wherever_one_is_given() {
    let (hub, rest, ada) = home().await;
    let kitchen = format!("spaces/{}", hub.home.kitchen.space);
    for name in [
        "a\u{1b}[2Jb",
        "a\u{202e}b",
        "a\u{200f}b",
        "a\nb",
        "a\u{2028}b",
        "a\u{9b}b",
    ] {
        let device = json!({"name": name, "space_id": hub.home.kitchen.space});
        let user = json!({"name": name, "code": "ABCDE-FGHJK-LMNPQ-RSTUV", "password": "long enough, this"});
        for refused in [
            ada.post("devices", device).await,
            ada.post("spaces", json!({"name": name})).await,
            ada.ask(Method::PATCH, &kitchen)
                .json(&json!({"name": name}))
                .send()
                .await,
            rest.nobody().post("/v1/claim", user).await,
        ] {
            let refused = refused.points_at("/name").told();
            assert!(refused.contains("control characters"), "{refused}");
        }
    }
    let _ = ada.post("spaces", json!({"name": "Küche 👩‍🍳"})).await.expect(201);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_does_not_show_the_credential_again() {
    let (hub, _, ada) = home().await;
    let made = with_key(&ada, &lamp(&hub)).await.expect(201);
    let again = with_key(&ada, &lamp(&hub)).await.expect(201);
    assert_eq!(again.json, json!({"device": made.json["device"]}));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(hub.sql().count("devices", "name = 'lamp'").await, 1);
    for table in ["idempotency_keys", "access_tokens", "audit_entries", "events"] {
        let query = format!("select count(*) from hub.{table} t where t::text like '%hubd_%'");
        let found: i64 = hub.sql().value(&query).await;
        assert_eq!(found, 0, "a credential is kept in {table}");
    }
}

#[tokio::test]
async fn a_revoked_device_is_refused_at_once_and_never_comes_back() {
    let (hub, rest, ada) = home().await;
    let made = ada.post("devices", lamp(&hub)).await.expect(201);
    let device = rest.bearer(made.text("/token"));
    let _ = device.get("spaces").await.refuses(403, "forbidden");
    let path = format!("devices/{}", made.text("/device/id"));
    let _ = ada.delete(&path).await.expect(204);
    let _ = device.get("spaces").await.refuses(401, "unauthenticated");
    let _ = ada.delete(&path).await.expect(204);
    assert_eq!(
        hub.sql()
            .count("audit_entries", "operation = 'revoke_device'")
            .await,
        1,
        "revoked once"
    );
    let revoked = ada.get(&path).await.expect(200);
    assert!(revoked.json["revoked_at"].is_string());
    // Its name is free, and the new one is another device.
    let next = ada.post("devices", lamp(&hub)).await.expect(201);
    assert_ne!(next.text("/device/id"), made.text("/device/id"));
    let _ = device.get("spaces").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn a_name_is_taken_once_among_live_devices() {
    let (hub, _, ada) = home().await;
    let _ = ada.post("devices", lamp(&hub)).await.expect(201);
    let mut shouted = lamp(&hub);
    shouted["name"] = json!(" LAMP ");
    let _ = ada.post("devices", shouted).await.refuses(409, "name_taken");
}

#[tokio::test]
async fn a_space_of_another_agent_is_no_space() {
    let (hub, _, ada) = home().await;
    let away = hub.household("away").await;
    let body = json!({"name": "lamp", "space_id": away.kitchen.space});
    let _ = ada.post("devices", body).await.points_at("/space_id");
    let _ = ada
        .get(&format!("devices/{}", away.kitchen.id))
        .await
        .refuses(404, "not_found");
    let _ = ada
        .delete(&format!("devices/{}", away.kitchen.id))
        .await
        .refuses(404, "not_found");
    assert!(
        away.kitchen.caller().await.is_ok(),
        "the other agent's device is alive"
    );
}

#[tokio::test]
async fn a_device_says_what_it_can_and_whether_it_is_there() {
    let (hub, _, ada) = home().await;
    let path = format!("devices/{}", hub.home.office.id);
    assert_eq!(ada.get(&path).await.expect(200).json["is_connected"], false);
    hub.home.office.connects(&["display.show", "echo"]).await;
    let there = ada.get(&path).await.expect(200);
    assert_eq!(there.json["is_connected"], true);
    assert_eq!(
        there.json["capabilities"],
        json!([{"kind": "display.show"}, {"kind": "echo"}])
    );
}
