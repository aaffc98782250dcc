//! What goes with a thing that is forgotten, and what stays.

use hub::actions::ActionState;
use serde_json::json;
use support::heard;

use super::Story;

const NOTHING: &[String] = &[];

#[tokio::test]
async fn a_memory_goes_with_what_was_said_and_what_came_of_it() {
    let story = Story::new().await;
    let event = story.hears("remember that the zanzibar key is with Nora").await;
    story.hears("remember that the bins go out on Monday").await;
    assert!(!story.holds("zanzibar").await.is_empty());

    let memory = story.memory(&story.owner, "zanzibar key is with").await.unwrap();
    let path = format!("memories/{memory}/forget");
    let would = story
        .owner
        .post(&path, json!({"dry_run": true}))
        .await
        .expect(200);
    assert_eq!(would.json["is_dry_run"], true);
    assert!(!story.holds("zanzibar").await.is_empty(), "a dry run forgot it");
    let done = story.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(done.json["erasure"]["counts"], would.json["erasure"]["counts"]);
    // What was said, what was answered; the fact, and that it was said.
    let counts = &done.json["erasure"]["counts"];
    assert_eq!(
        (&counts["events"], &counts["memories"], &counts["turns"]),
        (&json!(2), &json!(2), &json!(1)),
        "{counts}"
    );

    assert_eq!(story.holds("zanzibar").await, NOTHING);
    assert_eq!(story.memory(&story.owner, "zanzibar").await, None);
    assert!(story.memory(&story.owner, "bins").await.is_some());
    let left = story.event(&story.owner, &event).await;
    assert_eq!(left["payload"], json!(null));
    assert!(left["erased_at"].is_string());
    let buried: i64 = story.hub.sql().count("memory_tombstones", "true").await;
    assert_eq!(buried, 2);

    // Again changes nothing.
    let again = story.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(again.json, done.json);
}

#[tokio::test]
async fn a_memory_alone_leaves_what_was_said() {
    let story = Story::new().await;
    let event = story.hears("remember that the zanzibar key is with Nora").await;
    let memory = story.memory(&story.owner, "zanzibar key is with").await.unwrap();
    let path = format!("memories/{memory}/forget");
    let done = story
        .owner
        .post(&path, json!({"keep_sources": true}))
        .await
        .expect(200);
    assert_eq!(done.json["erasure"]["counts"]["memories"], 1);
    let left = story.event(&story.owner, &event).await;
    assert_eq!(
        left["payload"]["text"],
        "remember that the zanzibar key is with Nora"
    );
}

#[tokio::test]
async fn what_repeats_it_goes_and_what_stood_beside_it_stays() {
    let story = Story::new().await;
    let event = story
        .hears("remember that the spare key is with zanzibar Nora")
        .await;
    story.hears("remember that the bins go out on Monday").await;
    story.hears("what do you remember about the spare key").await;
    let answer = story.last_event(&story.owner, "message.agent").await;
    let said = story.event(&story.owner, &answer).await;
    assert!(said["payload"].to_string().contains("zanzibar"), "{said}");
    // In another conversation.
    story
        .says(&story.bob, "what do you remember about the spare key")
        .await;

    let path = format!("events/{event}/forget");
    let _ = story.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(story.event(&story.owner, &answer).await["payload"], json!(null));
    // An admin sees nothing of Bob's, and reaches nothing of it: that is left for Bob.
    let left = story.holds("zanzibar").await;
    assert!(left.iter().all(|place| place.starts_with("events")), "{left:?}");
    assert!(story.memory(&story.owner, "bins").await.is_some());
    assert!(story.memory(&story.owner, "Monday").await.is_some());
}

#[tokio::test]
async fn an_action_that_waits_is_decided_and_its_words_go() {
    let story = Story::new().await;
    story.hub.home.office.connects(&["speaker.say"]).await;
    let event = story.hears("tell the office that zanzibar is ready").await;
    let action = story.ada.actions(ActionState::Proposed).await.remove(0);
    let path = format!("events/{event}/forget");
    let done = story.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(done.json["erasure"]["counts"]["actions"], 1);
    let action = story.ada.action(action.id).await;
    assert_eq!(action.state, ActionState::Rejected);
    assert_eq!(
        (action.summary.as_str(), &action.arguments),
        ("(forgotten)", &json!({}))
    );
    assert!(action.erased_at.is_some());
    assert_eq!(story.holds("zanzibar").await, NOTHING);
    let nothing: i64 = story
        .hub
        .sql()
        .count(
            "actions",
            &format!("arguments_sha256 <> '\\x{}'", "00".repeat(32)),
        )
        .await;
    assert_eq!(nothing, 0, "a hash of the words was left");
}

#[tokio::test]
async fn what_a_device_says_of_it_later_is_not_kept() {
    let story = Story::new().await;
    let office = &story.hub.home.office;
    office.connects(&["speaker.say"]).await;
    let event = story.hears("tell the office that zanzibar is ready").await;
    let action = story.ada.actions(ActionState::Proposed).await.remove(0);
    story.ada.approves(action.id).await.unwrap();
    story.hub.run_jobs().await;
    let command = office.takes().await.remove(0);
    office.acknowledges(command.id).await.unwrap();

    let path = format!("events/{event}/forget");
    let _ = story.owner.post(&path, json!({})).await.expect(200);
    let told = story
        .owner
        .get(&format!("commands/{}", command.id))
        .await
        .expect(200);
    assert!(
        told.json["cancel_requested_at"].is_string(),
        "nobody asked it to stop"
    );
    office
        .succeeds(command.id, json!({"said": "zanzibar"}))
        .await
        .unwrap();
    assert_eq!(story.ada.action(action.id).await.state, ActionState::Succeeded);
    assert_eq!(story.holds("zanzibar").await, NOTHING);
}

#[tokio::test]
async fn a_reply_that_its_device_does_not_have_is_taken_back() {
    let story = Story::new().await;
    let event = story.hears("remember that the zanzibar key is with Nora").await;
    let _ = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    story.hub.home.kitchen.connects(&[]).await;
    assert!(story.hub.home.kitchen.takes().await.is_empty());
    assert_eq!(story.holds("zanzibar").await, NOTHING);
}

#[tokio::test]
async fn a_session_goes_whole_and_the_next_word_begins_another() {
    let story = Story::new().await;
    for text in [
        "remember that zanzibar is an island",
        "zanzibar, hello",
        "what do you remember about zanzibar",
    ] {
        story.says(&story.bob, text).await;
    }
    let memory = story.bob.get("memories?limit=1").await.expect(200);
    let session = memory.text("/items/0/session_id").to_owned();
    let done = story
        .bob
        .post(&format!("sessions/{session}/forget"), json!({}))
        .await
        .expect(200);
    assert_eq!(done.json["erasure"]["target_kind"], "session");
    assert_eq!(story.holds("zanzibar").await, NOTHING);
    story.says(&story.bob, "hello again").await;
    let next = story.bob.get("memories?limit=1").await.expect(200);
    assert_ne!(next.text("/items/0/session_id"), session);
}

/// Its sender did not hear that it had arrived, and says it again.
#[tokio::test]
async fn what_was_forgotten_does_not_come_back() {
    let story = Story::new().await;
    let item = heard("the zanzibar key is with Nora");
    let kitchen = &story.hub.home.kitchen;
    kitchen.sends(vec![item.clone()]).await.unwrap();
    story.hub.run_jobs().await;
    let event = story.last_event(&story.owner, "transcript").await;
    let _ = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    let again = kitchen.sends(vec![item]).await.unwrap();
    assert!(
        matches!(again[0], hub::events::ingest::Outcome::Duplicate { .. }),
        "{again:?}"
    );
    assert_eq!(story.hub.run_jobs().await, 0);
    assert_eq!(story.holds("zanzibar").await, NOTHING);
}

#[tokio::test]
async fn a_kept_answer_goes_and_its_key_does_nothing_twice() {
    let story = Story::new().await;
    story.hub.home.office.connects(&["speaker.say"]).await;
    let event = story.hears("tell the office that zanzibar is ready").await;
    let action = story.ada.actions(ActionState::Proposed).await.remove(0);
    let approve = || {
        let path = format!("actions/{}/approve", action.id);
        let asked = story.owner.ask(axum::http::Method::POST, &path).json(&json!({}));
        asked.header("idempotency-key", "one").send()
    };
    let _ = approve().await.expect(200);
    let _ = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    assert_eq!(story.holds("zanzibar").await, NOTHING);
    let _ = approve().await.refuses(409, "forgotten");
    story.hub.run_jobs().await;
    assert_eq!(story.ada.action(action.id).await.state, ActionState::Cancelled);
}

/// Two people want alike. What the one forgets is not the other's, although the same words stand in it.
#[tokio::test]
async fn what_somebody_else_asked_for_in_their_own_words_stays() {
    let story = Story::new().await;
    story.hub.home.office.connects(&["speaker.say"]).await;
    let event = story.hears("remember that the zanzibar lanterns glow").await;
    story
        .hears("tell the office that the zanzibar lanterns glow")
        .await;
    let action = story.ada.actions(ActionState::Proposed).await.remove(0);
    let forget = format!("events/{event}/forget");
    let done = story.owner.post(&forget, json!({})).await.expect(200);
    assert_eq!(done.json["erasure"]["counts"]["actions"], 0);
    let left = story.ada.action(action.id).await;
    assert_eq!((left.state, left.erased_at), (ActionState::Proposed, None));
    assert!(left.summary.contains("zanzibar"), "{}", left.summary);
}
