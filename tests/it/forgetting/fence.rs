//! A turn that runs does not bring back what is forgotten meanwhile.

use hub::{
    actions::propose::ActionProposal,
    memory::{Tier, commit::MemoryProposal},
    places::PrivacyMode,
    turns::{Block, TurnState, runtime::Thought},
};
use serde_json::json;
use support::{Listening, ScriptedRuntime, Served, TestHub, heard, turn_of};

use super::Story;

fn says(text: &str) -> Thought {
    Thought {
        reply: vec![Block::text(text)],
        ..Thought::default()
    }
}

async fn scripted() -> (Story, ScriptedRuntime) {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    (Story::on(hub).await, runtime)
}

#[tokio::test]
async fn a_queued_turn_ends_and_says_why() {
    let story = Story::new().await;
    let outcome = story.hub.home.kitchen.hears("zanzibar").await;
    let event = story.last_event(&story.owner, "transcript").await;
    story.forgets(&event).await;
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
    let (story, runtime) = scripted().await;
    let held = runtime.then_hold(says("zanzibar it is"));
    let outcome = story.hub.home.kitchen.hears("zanzibar").await;
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    let event = story.last_event(&story.owner, "transcript").await;
    story.forgets(&event).await;
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
    let (story, runtime) = scripted().await;
    let held = runtime.then_hold(says("zanzibar and bins"));
    let sent = story
        .hub
        .home
        .kitchen
        .sends(vec![heard("zanzibar"), heard("the bins")])
        .await
        .unwrap();
    let worker = story.hub.start_one_job();
    held.begun().await;
    let events = story
        .owner
        .get("events?types=transcript&limit=10")
        .await
        .expect(200);
    let first = events.text("/items/0/id").to_owned();
    story.forgets(&first).await;
    held.go_on();
    story.hub.thinks_again(worker, &runtime, "only the bins").await;
    let turn = story.hub.home.turn(turn_of(&sent[0])).await;
    assert_eq!(turn.state, TurnState::Planned);
    assert_eq!(turn.reply, Some(vec![Block::text("only the bins")]));
    let seen = runtime.seen();
    assert_eq!(seen.last().unwrap().inputs.len(), 1);
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
}

#[tokio::test]
async fn a_running_turn_that_had_read_it_before_thinks_again_without_it() {
    let (story, runtime) = scripted().await;
    runtime.then_say("I heard you");
    let event = story.hears("my word is zanzibar").await;
    let held = runtime.then_hold(says("you said zanzibar"));
    let outcome = story.hub.home.kitchen.hears("what did I say").await;
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    story.forgets(&event).await;
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    story.hub.thinks_again(worker, &runtime, "I do not know").await;
    let turn = story.hub.home.turn(turn_of(&outcome)).await;
    assert_eq!(turn.reply, Some(vec![Block::text("I do not know")]));
}

/// Whoever follows it need not have heard the end of it: the words go with the forgetting.
#[tokio::test]
async fn what_a_turn_has_said_of_it_is_taken_back_at_once() {
    let (story, runtime) = scripted().await;
    let served = Served::start(&story.hub).await;
    runtime.then_say("I heard you");
    let event = story.hears("my word is zanzibar").await;
    let _held = runtime.then_say_and_hold("You said zanzibar, and", says("You said zanzibar, and more"));
    let turn = turn_of(&story.hub.home.kitchen.hears("what did I say").await);
    let worker = story.hub.start_one_job();
    let path = format!("turns/{turn}/stream");
    let mut listening = Listening::to(&served, &story.owner, &path, None).await;
    assert_eq!(listening.next().await.unwrap().event, "delta");
    story.forgets(&event).await;
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    assert_eq!(listening.next().await.unwrap().event, "restart");
    // Nobody lets the runtime go on: what it would have come to is not waited for.
    story.hub.thinks_again(worker, &runtime, "I do not know").await;
    let reply = story.hub.home.turn(turn).await.reply;
    assert_eq!(reply, Some(vec![Block::text("I do not know")]));
}

/// A turn about something else is not in anybody's way.
#[tokio::test]
async fn a_turn_that_has_read_none_of_it_goes_on() {
    let (story, runtime) = scripted().await;
    runtime.then_say("I heard you");
    let event = story.says(&story.bob, "my word is zanzibar").await;
    let held = runtime.then_hold(says("It is noon"));
    let turn = turn_of(&story.hub.home.kitchen.hears("what time is it").await);
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    let forget = format!("events/{event}/forget");
    let _ = story.bob.post(&forget, json!({})).await.expect(200);
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    assert_eq!(story.hub.home.turn(turn).await.state, TurnState::Planned);
}

fn proposes(story: &Story, word: &str) -> Thought {
    let office = story.hub.home.office.id;
    Thought {
        actions: vec![ActionProposal {
            tool: "device_command".to_owned(),
            summary: format!("Say {word} lanterns glow in the office"),
            arguments: json!({"device_id": office, "kind": "speaker.say",
                "arguments": {"text": format!("{word} lanterns glow")}}),
        }],
        ..says("I shall ask")
    }
}

/// What waits for a decision is told to every turn of the household, wherever it came up.
#[tokio::test]
async fn what_was_read_of_a_proposal_goes_with_it() {
    let (story, runtime) = scripted().await;
    story.hub.home.office.connects(&["speaker.say"]).await;
    runtime.then(proposes(&story, "zanzibar"));
    let event = story.hears("light the lanterns").await;
    // One has repeated it, one is at it.
    runtime.then_say("Somebody wants zanzibar lanterns to glow");
    story.hub.home.office.hears("what is open").await;
    story.hub.run_jobs().await;
    let told = runtime.seen().pop().unwrap().waiting_actions;
    assert!(
        told[0].summary.as_ref().unwrap().contains("zanzibar"),
        "it is not told, so nothing is tried"
    );
    let held = runtime.then_hold(says("Zanzibar lanterns"));
    let turn = turn_of(&story.hub.home.office.hears("and now").await);
    let mut worker = story.hub.start_one_job();
    held.begun().await;
    story.forgets(&event).await;
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    held.go_on();
    worker.join_next().await.unwrap().unwrap();
    assert_eq!(story.holds("zanzibar").await, [] as [String; 0]);
    story.hub.thinks_again(worker, &runtime, "Nothing is open").await;
    assert_eq!(story.hub.home.turn(turn).await.state, TurnState::Planned);
}

/// A room goes private while the agent thinks in another of what it learnt there.
#[tokio::test]
async fn what_was_learnt_in_a_room_that_goes_private_is_not_used_elsewhere() {
    let (story, runtime) = scripted().await;
    runtime.then(Thought {
        memories: vec![MemoryProposal {
            tier: Tier::Episodic,
            content: "The zanzibar key is with Nora".to_owned(),
            importance: 0.5,
            confidence: 0.9,
            sources: Vec::new(),
        }],
        ..says("I shall remember")
    });
    story.hears("the zanzibar key is with Nora").await;
    runtime.asks("zanzibar key");
    let held = runtime.then_hold(says("With Nora"));
    let turn = turn_of(&story.hub.home.office.hears("where is the zanzibar key").await);
    let worker = story.hub.start_one_job();
    held.begun().await;
    let recalled = runtime.seen().pop().unwrap().recalled;
    assert_eq!(recalled[0].1.len(), 1, "it is not told, so nothing is tried");
    let kitchen = story.hub.home.kitchen.space;
    let private = story.hub.home.set_privacy(kitchen, PrivacyMode::Private);
    private.await.unwrap();
    held.go_on();
    story.hub.thinks_again(worker, &runtime, "I do not know").await;
    let reply = story.hub.home.turn(turn).await.reply;
    assert_eq!(reply, Some(vec![Block::text("I do not know")]));
}
