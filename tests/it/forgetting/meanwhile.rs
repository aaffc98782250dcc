//! What is said while somebody is being forgotten goes, too: everything that is in the log before the forgetting is.

use chrono::Duration;
use hub::actions::ActionState;
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

/// Whoever says what became of an action has the action first, and then the end of the log, as whoever forgets has.
#[tokio::test]
async fn what_somebody_says_meanwhile_of_what_may_have_been_done_waits_for_it() {
    let story = Story::new().await;
    let office = &story.hub.home.office;
    office.connects(&["speaker.say"]).await;
    let event = story.hears("tell the office that zanzibar is ready").await;
    let action = story.ada.actions(ActionState::Proposed).await.remove(0).id;
    story.ada.approves(action).await.unwrap();
    story.hub.run_jobs().await;
    let command = office.takes().await.remove(0);
    office.acknowledges(command.id).await.unwrap();
    story.hub.clock.advance(Duration::minutes(3));
    story.hub.sweep().await;
    assert_eq!(story.ada.action(action).await.state, ActionState::Unknown);

    let sql = story.hub.sql();
    let mut holding = sql.pool().begin().await.unwrap();
    holding
        .execute("select from hub.agent_heads for update")
        .await
        .unwrap();
    let resolves = async {
        assert!(sql.waits_for_locks(1).await, "nobody forgets");
        let done = json!({"resolution": "done", "reason": "pemba"});
        story.owner.post(&format!("actions/{action}/resolve"), done).await
    };
    let lets_go = async {
        assert!(sql.waits_for_locks(2).await, "nobody says what became of it");
        holding.rollback().await.unwrap();
    };
    let path = format!("events/{event}/forget");
    let (forgotten, resolved, ()) = tokio::join!(story.owner.post(&path, json!({})), resolves, lets_go);
    let _ = forgotten.expect(200);
    assert!(
        [200, 409].contains(&resolved.status.as_u16()),
        "{}",
        resolved.told()
    );
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
}
