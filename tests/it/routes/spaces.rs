//! `/v1/agents/{agent_id}/spaces`

use std::collections::BTreeSet;

use axum::http::Method;
use futures_util::future::join_all;
use hub::{events::ingest::Outcome, jobs::sweep::remove_old};
use serde_json::{Value, json};
use support::{Answer, Client};

use super::home;

async fn with_key(client: &Client, key: &str, body: Value) -> Answer {
    let sent = client
        .ask(Method::POST, "spaces")
        .json(&body)
        .header("idempotency-key", key);
    sent.send().await
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let (_hub, _, ada) = home().await;
    for name in ["attic", "bath", "cellar", "den"] {
        let _ = ada.post("spaces", json!({"name": name})).await.expect(201);
    }
    let whole = ada.get("spaces").await.expect(200);
    assert!(
        whole.json.get("next_cursor").is_none(),
        "a page that holds all has no next"
    );
    let (mut read, mut path) = (Vec::new(), "spaces?limit=3".to_owned());
    let mut sizes = Vec::new();
    loop {
        let page = ada.get(&path).await.expect(200);
        sizes.push(page.items().len());
        read.extend_from_slice(page.items());
        let Some(next) = page.json["next_cursor"].as_str() else {
            break;
        };
        path = format!("spaces?limit=3&cursor={next}");
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(read, whole.items());
    let names: Vec<&str> = read.iter().filter_map(|space| space["name"].as_str()).collect();
    assert_eq!(
        names,
        ["elsewhere", "kitchen", "office", "attic", "bath", "cellar", "den"]
    );
}

#[tokio::test]
async fn a_space_is_made_read_and_changed() {
    let (_hub, _, ada) = home().await;
    let made = ada
        .post("spaces", json!({"name": "  living room "}))
        .await
        .expect(201);
    assert_eq!(made.text("/name"), "living room");
    assert_eq!(made.text("/privacy_mode"), "normal");
    assert_eq!(made.json["is_elsewhere"], false);
    let path = format!("spaces/{}", made.text("/id"));
    assert_eq!(ada.get(&path).await.expect(200).json, made.json);
    let change = json!({"name": "parlour", "privacy_mode": "private"});
    let changed = ada.patch(&path, change).await.expect(200);
    assert_eq!(changed.text("/name"), "parlour");
    assert_eq!(changed.text("/privacy_mode"), "private");
    assert_eq!(ada.get(&path).await.expect(200).json, changed.json);
    let same = ada.patch(&path, json!({})).await.expect(200);
    assert_eq!(same.text("/name"), "parlour");
}

#[tokio::test]
async fn a_name_is_taken_once_in_an_agent_whatever_its_case() {
    let (hub, rest, ada) = home().await;
    let _ = ada
        .post("spaces", json!({"name": "KITCHEN"}))
        .await
        .refuses(409, "name_taken");
    let _ = ada
        .post("spaces", json!({"name": " kitchen "}))
        .await
        .refuses(409, "name_taken");
    let office = format!("spaces/{}", hub.home.office.space);
    let _ = ada
        .patch(&office, json!({"name": "Kitchen"}))
        .await
        .refuses(409, "name_taken");
    let _ = ada.patch(&office, json!({"name": "OFFICE"})).await.expect(200);
    let away = hub.household("away").await;
    let eve = rest.user(&away.owner("eve").await).await;
    let _ = eve.post("spaces", json!({"name": "parlour"})).await.expect(201);
    let _ = ada.post("spaces", json!({"name": "parlour"})).await.expect(201);
}

#[tokio::test]
async fn another_agents_space_is_not_found() {
    let (hub, rest, ada) = home().await;
    let away = hub.household("away").await;
    let eve = rest.user(&away.owner("eve").await).await;
    let kitchen = format!("spaces/{}", hub.home.kitchen.space);
    let _ = ada.get(&kitchen).await.expect(200);
    let _ = eve.get(&kitchen).await.refuses(404, "not_found");
    let _ = eve
        .patch(&kitchen, json!({"name": "mine"}))
        .await
        .refuses(404, "not_found");
    let listed = eve.get("spaces").await.expect(200);
    assert!(
        listed
            .items()
            .iter()
            .all(|space| space["id"] != json!(hub.home.kitchen.space))
    );
}

#[tokio::test]
async fn a_location_of_another_agent_is_no_location() {
    let (hub, _, ada) = home().await;
    let away = hub.household("away").await;
    let query = format!(
        "select id::text from hub.locations where agent_id = '{}'",
        away.agent
    );
    let location: String = hub.sql().value(&query).await;
    let refused = ada
        .post("spaces", json!({"name": "hall", "location_id": location}))
        .await;
    let _ = refused.points_at("/location_id");
}

#[tokio::test]
async fn what_is_heard_in_a_private_space_is_discarded_from_the_answer_on() {
    let (hub, _, ada) = home().await;
    let kitchen = format!("spaces/{}", hub.home.kitchen.space);
    let _ = ada
        .patch(&kitchen, json!({"privacy_mode": "private"}))
        .await
        .expect(200);
    let heard = hub.home.kitchen.hears("hello").await;
    assert_eq!(
        heard,
        Outcome::Discarded {
            reason: "privacy_mode"
        }
    );
    let _ = ada
        .patch(&kitchen, json!({"privacy_mode": "normal"}))
        .await
        .expect(200);
    let heard = hub.home.kitchen.hears("hello").await;
    assert!(matches!(heard, Outcome::Accepted { .. }), "{heard:?}");
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_repeat_with_the_same_key_is_answered_alike_and_does_nothing() {
    let (hub, rest, ada) = home().await;
    let made = with_key(&ada, "k1", json!({"name": "hall"})).await.expect(201);
    assert_eq!(made.header("idempotency-replayed"), None);
    // The same body in other words.
    let again = with_key(&ada, "k1", json!({"privacy_mode": null, "name": "hall"}))
        .await
        .expect(201);
    assert_eq!(again.json, made.json);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = with_key(&ada, "k1", json!({"name": "attic"})).await;
    let _ = other.refuses(409, "idempotency_key_reused");
    // Keys of two people never meet.
    let bob = rest
        .user(&hub.home.user("bob", hub::identity::Role::Admin).await)
        .await;
    let bobs = with_key(&bob, "k1", json!({"name": "attic"})).await.expect(201);
    assert_eq!(bobs.header("idempotency-replayed"), None);
    assert_eq!(hub.sql().count("spaces", "name in ('hall', 'attic')").await, 2);
}

#[tokio::test]
async fn a_refused_request_uses_no_key_up() {
    let (_hub, _, ada) = home().await;
    let _ = with_key(&ada, "k1", json!({"name": "kitchen"}))
        .await
        .refuses(409, "name_taken");
    let _ = with_key(&ada, "k1", json!({"name": "hall"})).await.expect(201);
}

#[tokio::test]
async fn many_repeats_at_once_make_one_space() {
    let (hub, _, ada) = home().await;
    let many = (0..8).map(|_| with_key(&ada, "k1", json!({"name": "hall"})));
    let answers: Vec<Answer> = join_all(many).await;
    let bodies: BTreeSet<String> = answers
        .iter()
        .map(|answer| answer.clone().expect(201).json.to_string())
        .collect();
    assert_eq!(bodies.len(), 1, "one answer for all: {bodies:?}");
    let fresh = answers
        .iter()
        .filter(|answer| answer.header("idempotency-replayed").is_none());
    assert_eq!(fresh.count(), 1);
    assert_eq!(hub.sql().count("spaces", "name = 'hall'").await, 1);
    assert_eq!(
        hub.sql()
            .count(
                "audit_entries",
                "operation = 'create_space' and body like '%user%'"
            )
            .await,
        1
    );
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let (hub, rest, ada) = home().await;
    let _ = with_key(&ada, "k1", json!({"name": "hall"})).await.expect(201);
    hub.clock
        .advance(chrono::Duration::hours(24) + chrono::Duration::seconds(1));
    remove_old(&hub).await.unwrap();
    let bob = hub.home.user("bob", hub::identity::Role::Admin).await;
    let _ = with_key(&rest.user(&bob).await, "k1", json!({"name": "attic"}))
        .await
        .expect(201);
    assert_eq!(hub.sql().count("idempotency_keys", "true").await, 1);
}
