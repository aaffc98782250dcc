//! `/v1/agents/{agent_id}/actions`

use std::collections::BTreeSet;

use axum::http::Method;
use futures_util::future::join_all;
use hub::actions::PROPOSAL_LIFE;
use serde_json::{Value, json};
use support::{Answer, Client};

use crate::sample::Sample;

async fn decide(client: &Client, action: &str, verb: &str, body: Value) -> Answer {
    client.post(&format!("actions/{action}/{verb}"), body).await
}

async fn with_key(client: &Client, action: &str, key: &str, body: &Value) -> Answer {
    let sent = client.ask(Method::POST, &format!("actions/{action}/approve"));
    sent.json(body).header("idempotency-key", key).send().await
}

async fn state(client: &Client, action: &str) -> String {
    let read = client.get(&format!("actions/{action}")).await.expect(200);
    read.text("/action/state").to_owned()
}

#[tokio::test]
async fn what_is_approved_is_done_and_the_action_holds_the_result() {
    let sample = Sample::new().await;
    let (hub, ada) = (&sample.hub, &sample.owner);
    let action = sample.proposal().await;
    let inbox = ada.get("actions?state=proposed").await.expect(200);
    assert_eq!(inbox.text("/items/0/id"), action);
    assert!(inbox.text("/items/0/summary").starts_with("Say in the office: "));
    let approved = decide(ada, &action, "approve", json!({"reason": "go on"}))
        .await
        .expect(200);
    assert_eq!(approved.text("/state"), "approved");
    hub.run_jobs().await;
    let command = hub.home.office.takes().await.remove(0);
    assert_eq!(command.kind, "speaker.say");
    hub.home.office.acknowledges(command.id).await.unwrap();
    assert_eq!(state(ada, &action).await, "executing");
    hub.home
        .office
        .succeeds(command.id, json!({"said": true}))
        .await
        .unwrap();
    let done = ada.get(&format!("actions/{action}")).await.expect(200);
    assert_eq!(done.text("/action/state"), "succeeded");
    assert_eq!(done.json["action"]["result"], json!({"said": true}));
    assert_eq!(done.text("/decisions/0/decision"), "approve");
    assert_eq!(done.text("/decisions/0/reason"), "go on");
    assert_eq!(done.json["decisions"][0]["user_id"], json!(sample.ada.id));
    assert_eq!(done.json["attempts"][0]["command_id"], json!(command.id));
    assert_eq!(done.text("/attempts/0/state"), "succeeded");
}

#[tokio::test]
async fn what_is_rejected_never_runs() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    let rejected = decide(&sample.owner, &action, "reject", json!({}))
        .await
        .expect(200);
    assert_eq!(rejected.text("/state"), "rejected");
    sample.hub.run_jobs().await;
    assert_eq!(sample.hub.home.office.takes().await.len(), 0);
    let _ = decide(&sample.owner, &action, "approve", json!({}))
        .await
        .refuses(409, "wrong_state");
    let _ = decide(&sample.owner, &action, "reject", json!({}))
        .await
        .refuses(409, "wrong_state");
    assert_eq!(
        sample
            .owner
            .get("actions?state=proposed")
            .await
            .expect(200)
            .items()
            .len(),
        0
    );
}

#[tokio::test]
async fn an_action_is_decided_once() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    let bob = sample.rest.user(&sample.hub.member("bob").await).await;
    let (hers, his) = tokio::join!(
        decide(&sample.owner, &action, "approve", json!({})),
        decide(&bob, &action, "reject", json!({}))
    );
    let (won, lost) = if hers.status == 200 {
        (hers, his)
    } else {
        (his, hers)
    };
    let _ = won.expect(200);
    let _ = lost.refuses(409, "wrong_state");
    let read = sample.owner.get(&format!("actions/{action}")).await.expect(200);
    assert_eq!(read.json["decisions"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_decision_is_bound_to_the_arguments_that_were_seen() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    let other = json!({"arguments_sha256": "0".repeat(64)});
    for verb in ["approve", "reject"] {
        let refused = decide(&sample.owner, &action, verb, other.clone()).await;
        let _ = refused.refuses(409, "arguments_changed");
    }
    assert_eq!(state(&sample.owner, &action).await, "proposed");
    let read = sample.owner.get(&format!("actions/{action}")).await.expect(200);
    let seen = json!({"arguments_sha256": read.text("/action/arguments_sha256")});
    let _ = decide(&sample.owner, &action, "approve", seen).await.expect(200);
}

#[tokio::test]
async fn a_proposal_expires_after_a_day() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    sample.hub.clock.advance(PROPOSAL_LIFE);
    let ada = sample.rest.user(&sample.ada).await;
    let _ = decide(&ada, &action, "approve", json!({}))
        .await
        .refuses(409, "expired");
    sample.hub.clock.advance(chrono::Duration::seconds(1));
    sample.hub.sweep().await;
    assert_eq!(state(&ada, &action).await, "expired");
    let _ = decide(&ada, &action, "approve", json!({}))
        .await
        .refuses(409, "wrong_state");
}

#[tokio::test]
async fn a_person_says_what_became_of_an_action_whose_end_is_unknown() {
    let sample = Sample::new().await;
    let ada = &sample.owner;
    for (resolution, becomes) in [
        ("done", "succeeded"),
        ("not_done", "failed"),
        ("retry", "approved"),
    ] {
        let action = sample.unknown_action().await;
        let body = json!({"resolution": resolution, "reason": "I was there"});
        let resolved = decide(ada, &action, "resolve", body.clone()).await.expect(200);
        assert_eq!(resolved.text("/state"), becomes);
        let read = ada.get(&format!("actions/{action}")).await.expect(200);
        assert_eq!(read.text("/decisions/0/decision"), resolution);
        let _ = decide(ada, &action, "resolve", body)
            .await
            .refuses(409, "wrong_state");
        assert_eq!(sample.hub.run_jobs().await, usize::from(resolution == "retry"));
    }
    assert_eq!(
        sample.hub.home.office.takes().await.len(),
        1,
        "only what is to be done again is sent"
    );
}

#[tokio::test]
async fn only_an_action_whose_end_is_unknown_is_resolved() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    let refused = decide(&sample.owner, &action, "resolve", json!({"resolution": "done"})).await;
    let _ = refused.refuses(409, "wrong_state");
    let maybe = decide(&sample.owner, &action, "resolve", json!({"resolution": "maybe"})).await;
    let _ = maybe.points_at("/resolution");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_is_answered_alike_later_too() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    let body = json!({"reason": "go on"});
    let first = with_key(&sample.owner, &action, "k1", &body).await.expect(200);
    sample.hub.run_jobs().await;
    assert_eq!(state(&sample.owner, &action).await, "executing");
    let again = with_key(&sample.owner, &action, "k1", &body).await.expect(200);
    assert_eq!(again.json, first.json);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = with_key(&sample.owner, &action, "k1", &json!({"reason": "wait"})).await;
    let _ = other.refuses(409, "idempotency_key_reused");
    let another = sample.proposal().await;
    let other = with_key(&sample.owner, &another, "k1", &body).await;
    let _ = other.refuses(409, "idempotency_key_reused");
    assert_eq!(sample.hub.run_jobs().await, 0);
}

#[tokio::test]
async fn many_repeats_at_once_have_one_effect_and_one_answer() {
    let sample = Sample::new().await;
    let action = sample.proposal().await;
    let body = json!({});
    let many = (0..8).map(|_| with_key(&sample.owner, &action, "k1", &body));
    let answers: Vec<Answer> = join_all(many).await;
    let told: BTreeSet<String> = answers
        .iter()
        .map(|answer| answer.clone().expect(200).json.to_string())
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(sample.hub.run_jobs().await, 1);
    assert_eq!(sample.hub.home.office.takes().await.len(), 1);
    assert_eq!(sample.hub.sql().count("action_decisions", "true").await, 1);
    assert_eq!(
        sample
            .hub
            .sql()
            .count("audit_entries", "operation = 'approve_action'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_private_action_is_not_found_by_others() {
    let sample = Sample::new().await;
    let content = json!([{"type": "text", "text": "tell the office that I am late"}]);
    let _ = sample
        .owner
        .post("messages", json!({"content": content}))
        .await
        .expect(202);
    sample.hub.run_jobs().await;
    let inbox = sample.owner.get("actions").await.expect(200);
    let action = inbox.text("/items/0/id");
    let bob = sample.rest.user(&sample.hub.member("bob").await).await;
    assert_eq!(bob.get("actions").await.expect(200).items().len(), 0);
    let _ = bob
        .get(&format!("actions/{action}"))
        .await
        .refuses(404, "not_found");
    for verb in ["approve", "reject"] {
        let _ = decide(&bob, action, verb, json!({}))
            .await
            .refuses(404, "not_found");
    }
    let resolved = decide(&bob, action, "resolve", json!({"resolution": "done"})).await;
    let _ = resolved.refuses(404, "not_found");
    let _ = decide(&sample.owner, action, "approve", json!({}))
        .await
        .expect(200);
    // What it sends is private, too.
    sample.hub.run_jobs().await;
    assert_eq!(sample.owner.get("commands").await.expect(200).items().len(), 1);
    assert_eq!(bob.get("commands").await.expect(200).items().len(), 0);
}
