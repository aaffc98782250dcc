//! Forgetting somebody again: what they said since, and what was written down of them.

use axum::http::Method;
use chrono::Duration;
use serde_json::{Value, json};

use super::Story;

const NOTHING: &[String] = &[];

/// The login stays, and so does the right to be forgotten.
#[tokio::test]
async fn whoever_goes_on_is_forgotten_again_with_a_receipt_of_its_own() {
    let story = Story::new().await;
    let forget = format!("people/{}/forget", story.person("bob").await);
    story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let first = story.bob.post(&forget, json!({})).await.expect(200);
    let again = story.bob.post(&forget, json!({})).await.expect(200);
    assert_eq!(again.json, first.json, "there was nothing to forget");
    story.hub.clock.advance(Duration::minutes(1));
    story.says(&story.bob, "remember that pemba is an island").await;
    let voice = json!({"purpose": "voice", "evidence": "unguja"});
    let _ = story.bob.post("people/self/consents", voice).await.expect(201);
    let second = story.bob.post(&forget, json!({})).await.expect(200);
    assert_eq!(story.holds("pemba").await, NOTHING);
    assert_eq!(story.holds("unguja").await, NOTHING);
    assert_ne!(second.text("/erasure/id"), first.text("/erasure/id"));
    let again = story.bob.post(&forget, json!({})).await.expect(200);
    assert_eq!(
        again.json, second.json,
        "the newest receipt is not what is answered"
    );
    let all = story.bob.get("erasures").await.expect(200);
    for done in [&first, &second] {
        let is_listed = |one: &Value| one == &done.json["erasure"];
        assert!(all.items().iter().any(is_listed), "{:?}", all.items());
        let got = format!("erasures/{}", done.text("/erasure/id"));
        let got = story.bob.get(&got).await.expect(200);
        assert_eq!(got.json["erasure"], done.json["erasure"]);
    }
}

/// What is kept by a request's key alone is theirs, too.
#[tokio::test]
async fn a_kept_answer_is_something_that_is_left() {
    let story = Story::new().await;
    let forget = format!("people/{}/forget", story.person("bob").await);
    let first = story.bob.post(&forget, json!({})).await.expect(200);
    story.hub.clock.advance(Duration::minutes(1));
    let new = json!({"name": "zanzibar", "media_type": "text/plain", "size_bytes": 1, "sha256": "00".repeat(32),
        "is_private": true});
    let made = story
        .bob
        .ask(Method::POST, "artifacts")
        .json(&new)
        .header("idempotency-key", "one");
    let made = made.send().await.expect(201);
    let path = format!("artifacts/{}", made.text("/artifact/id"));
    let _ = story.bob.delete(&path).await.expect(204);
    assert!(
        !story.holds("zanzibar").await.is_empty(),
        "there is nothing to forget"
    );
    let asked = story.bob.ask(Method::POST, &forget).json(&json!({}));
    let second = asked.header("idempotency-key", "two").send().await.expect(200);
    assert_eq!(story.holds("zanzibar").await, NOTHING);
    assert_ne!(second.text("/erasure/id"), first.text("/erasure/id"));
    let again = story.bob.post(&forget, json!({})).await.expect(200);
    assert_eq!(again.json, second.json, "the receipt itself counts as something");
}

#[tokio::test]
async fn whoever_forgot_themself_and_left_is_forgotten_by_who_runs_the_household() {
    let story = Story::new().await;
    let forget = format!("people/{}/forget", story.person("bob").await);
    let first = story.bob.post(&forget, json!({})).await.expect(200);
    story.hub.clock.advance(Duration::minutes(1));
    story.says(&story.bob, "remember that pemba is an island").await;
    let _ = story
        .owner
        .post(&forget, json!({}))
        .await
        .refuses(409, "has_login");
    let leaves = story.bob.ask(Method::POST, "members/leave").send().await;
    let _ = leaves.expect(200);
    let second = story.owner.post(&forget, json!({})).await.expect(200);
    assert_ne!(second.text("/erasure/id"), first.text("/erasure/id"));
    assert_eq!(story.holds("pemba").await, NOTHING);
}

/// Nothing is hung on somebody of whom nothing is to be left, and who could not take it back.
#[tokio::test]
async fn nothing_is_written_down_of_somebody_who_was_forgotten_and_has_no_login() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &[]).await;
    let _ = story
        .owner
        .post(&format!("people/{nora}/forget"), json!({}))
        .await
        .expect(200);
    let consents = format!("people/{nora}/consents");
    let grant = json!({"purpose": "voice", "evidence": "zanzibar"});
    let _ = story.owner.post(&consents, grant).await.refuses(409, "forgotten");
    for change in [
        json!({"aliases": ["zanzibar"]}),
        json!({"relationship": "zanzibar"}),
    ] {
        let changed = story.owner.patch(&format!("people/{nora}"), change).await;
        let _ = changed.refuses(409, "forgotten");
    }
    assert_eq!(story.holds("zanzibar").await, NOTHING);
    // To say no is always possible, and holds no words.
    let no = json!({"purpose": "memory"});
    let withdrawn = story.owner.post(&format!("{consents}/withdraw"), no).await;
    assert_eq!(withdrawn.expect(200).json["evidence"], Value::Null);
}
