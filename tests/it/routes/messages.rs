//! `/v1/agents/{agent_id}/messages`

use std::collections::BTreeSet;

use axum::http::Method;
use futures_util::future::join_all;
use hub::identity::Role;
use serde_json::{Value, json};
use support::{Answer, Client};

use super::home;

fn text(text: &str) -> Value {
    json!([{"type": "text", "text": text}])
}

async fn say(client: &Client, id: &str, words: &str) -> Answer {
    client
        .post("messages", json!({"client_id": id, "content": text(words)}))
        .await
}

#[tokio::test]
async fn a_message_is_taken_in_and_its_turn_is_named() {
    let (hub, _, ada) = home().await;
    let sent = ada
        .post("messages", json!({"content": text("hello")}))
        .await
        .expect(202);
    assert_eq!(sent.text("/outcome"), "accepted");
    let turn = format!("turns/{}", sent.text("/turn_id"));
    let queued = ada.get(&turn).await.expect(200);
    assert_eq!(queued.text("/state"), "queued");
    assert_eq!(queued.json["input_event_ids"], json!([sent.json["event_id"]]));
    hub.run_jobs().await;
    let planned = ada.get(&turn).await.expect(200);
    assert_eq!(planned.text("/state"), "planned");
    assert!(planned.text("/reply/0/text").starts_with("I kept that."));
}

#[tokio::test]
async fn the_same_client_id_is_the_same_message() {
    let (hub, _, ada) = home().await;
    let first = say(&ada, "m1", "hello").await.expect(202);
    let again = say(&ada, "m1", "hello").await.expect(202);
    assert_eq!(again.text("/outcome"), "duplicate");
    for field in ["event_id", "turn_id"] {
        assert_eq!(again.json[field], first.json[field]);
    }
    let _ = say(&ada, "m1", "goodbye").await.refuses(409, "client_id_reused");
    assert_eq!(hub.run_jobs().await, 1);
    assert_eq!(hub.sql().count("events", "type = 'message.user'").await, 1);
}

#[tokio::test]
async fn an_idempotency_key_serves_as_client_id() {
    let (hub, _, ada) = home().await;
    let ask = |words: &str| {
        let body = json!({"content": text(words)});
        ada.ask(Method::POST, "messages")
            .json(&body)
            .header("idempotency-key", "m1")
            .send()
    };
    let first = ask("hello").await.expect(202);
    let again = ask("hello").await.expect(202);
    assert_eq!(again.text("/outcome"), "duplicate");
    assert_eq!(again.json["event_id"], first.json["event_id"]);
    let _ = ask("goodbye").await.refuses(409, "client_id_reused");
    assert_eq!(hub.run_jobs().await, 1);
}

#[tokio::test]
async fn client_ids_of_two_people_never_meet() {
    let (hub, rest, ada) = home().await;
    let bob = rest.user(&hub.member("bob").await).await;
    let _ = say(&ada, "m1", "hello").await.expect(202);
    let his = say(&bob, "m1", "good morning").await.expect(202);
    assert_eq!(his.text("/outcome"), "accepted");
    assert_eq!(hub.run_jobs().await, 2);
}

#[tokio::test]
async fn many_repeats_at_once_are_one_message() {
    let (hub, _, ada) = home().await;
    let answers: Vec<Answer> = join_all((0..8).map(|_| say(&ada, "m1", "hello"))).await;
    let events: BTreeSet<&str> = answers.iter().map(|answer| answer.text("/event_id")).collect();
    assert_eq!(events.len(), 1);
    let accepted = answers
        .iter()
        .filter(|answer| answer.json["outcome"] == "accepted");
    assert_eq!(accepted.count(), 1);
    assert_eq!(hub.run_jobs().await, 1);
}

#[tokio::test]
async fn blocks_are_bounded() {
    let (hub, _, ada) = home().await;
    let blocks = |count: usize| json!({"content": vec![json!({"type": "text", "text": "a"}); count]});
    let _ = ada.post("messages", blocks(0)).await.points_at("/content");
    let _ = ada.post("messages", blocks(21)).await.points_at("/content");
    let _ = ada.post("messages", blocks(20)).await.expect(202);
    let blank = json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": " "}]});
    let _ = ada.post("messages", blank).await.points_at("/content/1/text");
    let image = json!({"content": [{"type": "image", "text": "a"}]});
    let _ = ada.post("messages", image).await.points_at("/content/0/type");
    let id = json!({"client_id": "", "content": text("a")});
    let _ = ada.post("messages", id).await.points_at("/client_id");
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_guest_may_talk_and_is_believed_as_a_guest() {
    let (hub, rest, _) = home().await;
    let guest = rest.user(&hub.home.user("guest", Role::Guest).await).await;
    let _ = say(&guest, "m1", "remember that the code is 1234")
        .await
        .expect(202);
    hub.run_jobs().await;
    let trust: String = hub
        .sql()
        .value("select trust from hub.events where type = 'message.user'")
        .await;
    assert_eq!(trust, "guest");
    assert_eq!(
        hub.sql().count("memories", "tier = 'semantic'").await,
        0,
        "a guest's word is no fact"
    );
}

#[tokio::test]
async fn what_is_said_where_nothing_is_kept_is_discarded() {
    let (hub, _, ada) = home().await;
    let elsewhere = format!("spaces/{}", hub.home.elsewhere);
    let _ = ada
        .patch(&elsewhere, json!({"privacy_mode": "private"}))
        .await
        .expect(200);
    let sent = say(&ada, "m1", "hello").await.expect(202);
    assert_eq!(sent.text("/outcome"), "discarded");
    assert_eq!(sent.text("/reason"), "privacy_mode");
    assert!(sent.json["event_id"].is_null() && sent.json["turn_id"].is_null());
    assert_eq!(hub.sql().count("events", "type = 'message.user'").await, 0);
}
