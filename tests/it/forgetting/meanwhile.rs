//! What is said while somebody is being forgotten goes, too: everything that is in the log before the forgetting is.

use serde_json::json;
use sqlx::Executor;
use support::{Client, heard};

use super::Story;

/// Somebody forgets by a path; while it is held at a turn that it has found, something is done that speaks of pemba.
async fn forgets(story: &Story, by: &Client, path: &str, meanwhile: impl Future<Output = ()>) {
    let mut holding = story.hub.sql().pool().begin().await.unwrap();
    holding.execute("select from hub.turns for update").await.unwrap();
    let meanwhile = async {
        let is_held = story.hub.sql().waits_for_locks(1).await;
        assert!(is_held, "nobody waits, so nothing is tried");
        meanwhile.await;
        assert!(!story.holds("pemba").await.is_empty(), "it was not kept");
        holding.rollback().await.unwrap();
    };
    let (done, ()) = tokio::join!(by.post(path, json!({})), meanwhile);
    let _ = done.expect(200);
}

#[tokio::test]
async fn what_somebody_says_while_they_are_forgotten_goes_with_them() {
    let story = Story::new().await;
    let nora = story.knows("Nora", &[]).await;
    story
        .speaks(
            &story.hub.home.kitchen,
            "Nora",
            "remember that zanzibar is an island",
        )
        .await;
    let speaks = async {
        let mut said = heard("remember that pemba is an island");
        said.payload["participant"] = json!("Nora");
        story.hub.home.kitchen.sends(vec![said]).await.unwrap();
    };
    let path = format!("people/{nora}/forget");
    Box::pin(forgets(&story, &story.owner, &path, speaks)).await;
    story.hub.run_jobs().await;
    for word in ["zanzibar", "pemba"] {
        assert_eq!(story.holds(word).await, [] as [String; 0], "{word}");
    }
}

/// What is sent to a device is in no log until it ends.
#[tokio::test]
async fn what_somebody_sends_while_they_are_forgotten_goes_with_them() {
    let story = Story::new().await;
    let office = &story.hub.home.office;
    office.connects(&["speaker.say"]).await;
    let bob = story.person("bob").await;
    story
        .says(&story.bob, "remember that zanzibar is an island")
        .await;
    let sends = async {
        let command = json!({"device_id": office.id, "kind": "speaker.say", "arguments": {"text": "pemba"}});
        let _ = story.bob.post("commands", command).await.expect(201);
    };
    forgets(&story, &story.bob, &format!("people/{bob}/forget"), sends).await;
    assert_eq!(story.holds("pemba").await, [] as [String; 0]);
}
