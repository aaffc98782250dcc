//! A turn that runs does not bring back what is forgotten meanwhile.

use hub::turns::{Block, TurnState, runtime::Thought};
use serde_json::json;
use support::{ScriptedRuntime, TestHub, heard, turn_of};

use super::Story;

fn says(text: &str) -> Thought {
    Thought {
        reply: vec![Block::text(text)],
        ..Thought::default()
    }
}

#[tokio::test]
async fn a_queued_turn_ends_and_says_why() {
    let story = Story::new().await;
    let outcome = story.hub.home.kitchen.hears("zanzibar").await;
    let event = story.last_event(&story.owner, "transcript").await;
    let _ = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    let turn = story.hub.home.turn(turn_of(&outcome)).await;
    assert_eq!(
        (turn.state, turn.reason.as_deref()),
        (TurnState::Skipped, Some("forgotten"))
    );
    story.hub.run_jobs().await;
    assert_eq!(story.hub.home.turn(turn.id).await.state, TurnState::Skipped);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
}

#[tokio::test]
async fn a_running_turn_whose_input_is_forgotten_says_nothing() {
    let runtime = ScriptedRuntime::default();
    let story = Story::on(TestHub::builder().runtime(runtime.clone()).start().await).await;
    let held = runtime.then_hold(says("zanzibar it is"));
    let outcome = story.hub.home.kitchen.hears("zanzibar").await;
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    let event = story.last_event(&story.owner, "transcript").await;
    let _ = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    story.hub.run_jobs().await;
    let turn = story.hub.home.turn(turn_of(&outcome)).await;
    assert_eq!(
        (turn.state, turn.reason.as_deref()),
        (TurnState::Skipped, Some("forgotten"))
    );
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
}

#[tokio::test]
async fn a_turn_of_which_only_a_part_is_forgotten_thinks_again_without_it() {
    let runtime = ScriptedRuntime::default();
    let story = Story::on(TestHub::builder().runtime(runtime.clone()).start().await).await;
    let held = runtime.then_hold(says("zanzibar and bins"));
    let sent = story
        .hub
        .home
        .kitchen
        .sends(vec![heard("zanzibar"), heard("the bins")])
        .await
        .unwrap();
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    let events = story
        .owner
        .get("events?types=transcript&limit=10")
        .await
        .expect(200);
    let first = events.text("/items/0/id").to_owned();
    let _ = story
        .owner
        .post(&format!("events/{first}/forget"), json!({}))
        .await
        .expect(200);
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    runtime.then_say("only the bins");
    story.hub.clock.advance(chrono::Duration::minutes(5));
    story.hub.run_jobs().await;
    let turn = story.hub.home.turn(turn_of(&sent[0])).await;
    assert_eq!(turn.state, TurnState::Planned);
    assert_eq!(turn.reply, Some(vec![Block::text("only the bins")]));
    let seen = runtime.seen();
    assert_eq!(seen.last().unwrap().inputs.len(), 1);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
}

#[tokio::test]
async fn a_running_turn_that_had_read_it_before_thinks_again_without_it() {
    let runtime = ScriptedRuntime::default();
    let story = Story::on(TestHub::builder().runtime(runtime.clone()).start().await).await;
    runtime.then_say("I heard you");
    let event = story.hears("my word is zanzibar").await;
    let held = runtime.then_hold(says("you said zanzibar"));
    let outcome = story.hub.home.kitchen.hears("what did I say").await;
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    let _ = story
        .owner
        .post(&format!("events/{event}/forget"), json!({}))
        .await
        .expect(200);
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    runtime.then_say("I do not know");
    story.hub.clock.advance(chrono::Duration::minutes(5));
    story.hub.run_jobs().await;
    let turn = story.hub.home.turn(turn_of(&outcome)).await;
    assert_eq!(turn.reply, Some(vec![Block::text("I do not know")]));
}
