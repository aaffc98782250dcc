//! How a turn fails: an outage is not a try, a bad answer is tried again and then dead, and what is dead can be replayed.

use std::time::Duration as StdDuration;

use chrono::Duration;
use hub::{
    actions::propose::ActionProposal,
    error::Error,
    ids::JobId,
    jobs::replay::replay,
    memory::{Tier, commit::MemoryProposal},
    turns::{
        Block, TurnState,
        runtime::{RuntimeError, Thought},
    },
};
use serde_json::json;
use support::{ScriptedRuntime, TestHub, turn_of};

async fn scripted() -> (TestHub, ScriptedRuntime) {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    (hub, runtime)
}

fn away() -> RuntimeError {
    RuntimeError::Away {
        waiting_for: "the model".to_owned(),
        retry_after: StdDuration::from_secs(7),
    }
}

fn malformed() -> RuntimeError {
    RuntimeError::Malformed("not JSON".to_owned())
}

async fn replays(hub: &TestHub, job: JobId) -> hub::error::Result<()> {
    let mut tx = hub.home.whole().await;
    replay(&mut tx, job).await?;
    tx.commit().await?;
    Ok(())
}

#[tokio::test]
async fn an_outage_is_not_a_try() {
    let (hub, runtime) = scripted().await;
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    // More often than a bad answer would be tried.
    for _ in 0..12 {
        runtime.then_fail(away());
        assert_eq!(hub.run_jobs().await, 1);
        let waiting = hub.home.turn(id).await;
        assert_eq!(waiting.state, TurnState::Waiting);
        assert_eq!(waiting.waiting_for.as_deref(), Some("the model"));
        let waits = "state = 'queued' and attempts = 0 and waiting_for = 'the model'";
        assert_eq!(hub.sql().count("jobs", waits).await, 1);
        hub.clock.advance(Duration::seconds(6));
        assert_eq!(hub.run_jobs().await, 0, "it is looked at again too early");
        hub.clock.advance(Duration::seconds(1));
    }
    runtime.then_say("hello");
    assert_eq!(hub.run_jobs().await, 1);
    let planned = hub.home.turn(id).await;
    assert_eq!((planned.state, planned.waiting_for), (TurnState::Planned, None));
}

#[tokio::test]
async fn a_bad_answer_is_tried_again_ever_later_and_then_dead() {
    let (hub, runtime) = scripted().await;
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    for wait_s in [1, 2, 4, 8] {
        runtime.then_fail(malformed());
        assert_eq!(hub.run_jobs().await, 1);
        assert_eq!(hub.home.turn(id).await.state, TurnState::Queued);
        hub.clock
            .advance(Duration::seconds(wait_s) - Duration::microseconds(1));
        assert_eq!(hub.run_jobs().await, 0, "it is tried again before {wait_s} s");
        hub.clock.advance(Duration::microseconds(1));
    }
    runtime.then_fail(malformed());
    assert_eq!(hub.run_jobs().await, 1);
    let dead = hub.home.turn(id).await;
    assert_eq!(
        (dead.state, dead.reason.as_deref()),
        (TurnState::Dead, Some("not JSON"))
    );
    assert_eq!(dead.attempt, 5);
    let listed = hub.dead_jobs().await;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].subject_id, listed[0].attempts), (Some(id.0), 5));
    assert_eq!(listed[0].error.as_deref(), Some("not JSON"));
    let told =
        format!("type = 'turn.ended' and payload ->> 'turn_id' = '{id}' and payload ->> 'state' = 'dead'");
    assert_eq!(hub.sql().count("events", &told).await, 1);
}

#[tokio::test]
async fn what_no_try_will_help_is_dead_at_once() {
    let (hub, runtime) = scripted().await;
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    runtime.then_fail(RuntimeError::Refused("not with me".to_owned()));
    assert_eq!(hub.run_jobs().await, 1);
    assert_eq!(hub.home.turn(id).await.state, TurnState::Dead);
    assert_eq!(hub.dead_jobs().await.len(), 1);
}

#[tokio::test]
async fn a_turn_that_backs_off_holds_its_own_session_and_no_other() {
    let (hub, runtime) = scripted().await;
    let first = turn_of(&hub.home.kitchen.hears("one").await);
    let second = turn_of(&hub.home.kitchen.hears("two").await);
    let elsewhere = turn_of(&hub.home.office.hears("three").await);
    runtime.then_fail(malformed());
    runtime.then_say("to the office");
    assert_eq!(hub.run_jobs().await, 2);
    assert_eq!(hub.home.turn(elsewhere).await.state, TurnState::Planned);
    assert_eq!(hub.home.turn(second).await.state, TurnState::Queued);
    runtime.then_say("first");
    runtime.then_say("second");
    hub.clock.advance(Duration::seconds(1));
    assert_eq!(hub.run_jobs().await, 2);
    assert_eq!(hub.home.turn(first).await.reply, Some(vec![Block::text("first")]));
    assert_eq!(
        hub.home.turn(second).await.reply,
        Some(vec![Block::text("second")])
    );
}

#[tokio::test]
async fn a_dead_turn_makes_way_for_the_next_and_can_be_replayed() {
    let (hub, runtime) = scripted().await;
    let first = turn_of(&hub.home.kitchen.hears("one").await);
    let second = turn_of(&hub.home.kitchen.hears("two").await);
    runtime.then_fail(RuntimeError::Refused("not now".to_owned()));
    runtime.then_say("second");
    assert_eq!(hub.run_jobs().await, 2);
    assert_eq!(hub.home.turn(second).await.state, TurnState::Planned);
    let job = hub.dead_jobs().await.remove(0).id;
    replays(&hub, job).await.unwrap();
    let revived = hub.home.turn(first).await;
    assert_eq!(
        (revived.state, revived.reason, revived.finished_at),
        (TurnState::Queued, None, None)
    );
    runtime.then_say("first, at last");
    assert_eq!(hub.run_jobs().await, 1);
    assert_eq!(
        hub.home.turn(first).await.reply,
        Some(vec![Block::text("first, at last")])
    );
    assert_eq!(hub.dead_jobs().await.len(), 0);
    let again = replays(&hub, job).await;
    assert!(matches!(again, Err(Error::NotFound { .. })), "{again:?}");
}

/// The replayed one is older than what its lane holds at that moment, and must neither pass it nor block it.
#[tokio::test]
async fn a_replay_while_its_lane_is_held_blocks_nobody() {
    let (hub, runtime) = scripted().await;
    let first = turn_of(&hub.home.kitchen.hears("one").await);
    let second = turn_of(&hub.home.kitchen.hears("two").await);
    runtime.then_fail(RuntimeError::Refused("not now".to_owned()));
    let held = runtime.then_hold(Thought::default());
    hub.run_one_job().await;
    let mut workers = hub.start_one_job();
    held.begun().await;
    // Its worker is killed.
    workers.shutdown().await;
    replays(&hub, hub.dead_jobs().await.remove(0).id).await.unwrap();
    let elsewhere = turn_of(&hub.home.office.hears("three").await);
    runtime.then_say("three");
    assert_eq!(hub.run_jobs().await, 1, "the office waits for the kitchen");
    assert_eq!(hub.home.turn(elsewhere).await.state, TurnState::Planned);
    hub.clock.advance(Duration::minutes(2));
    runtime.then_say("two");
    runtime.then_say("one");
    assert_eq!(hub.run_jobs().await, 2, "the kitchen is stuck");
    assert_eq!(hub.home.turn(second).await.reply, Some(vec![Block::text("two")]));
    assert_eq!(hub.home.turn(first).await.reply, Some(vec![Block::text("one")]));
}

#[tokio::test]
async fn the_dead_jobs_of_another_agent_cannot_be_replayed() {
    let (hub, runtime) = scripted().await;
    let next_door = hub.household("next door").await;
    hub.home.kitchen.hears("hello").await;
    runtime.then_fail(RuntimeError::Refused("no".to_owned()));
    hub.run_jobs().await;
    let job = hub.dead_jobs().await.remove(0).id;
    let eve = next_door.owner("eve").await;
    for mut tx in [eve.begin().await, next_door.whole().await] {
        let refused = replay(&mut tx, job).await;
        assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    }
}

/// An answer of which one part cannot be kept: no part is.
#[tokio::test]
async fn nothing_is_applied_by_half() {
    let (hub, runtime) = scripted().await;
    hub.home.kitchen.hears("hello").await;
    for _ in 0..5 {
        runtime.then(Thought {
            reply: vec![Block::text("done!")],
            memories: vec![MemoryProposal {
                tier: Tier::Episodic,
                content: "something was said".to_owned(),
                importance: 0.5,
                confidence: 0.9,
                sources: Vec::new(),
            }],
            actions: vec![ActionProposal {
                tool: "no_such_tool".to_owned(),
                summary: "Do magic".to_owned(),
                arguments: json!({}),
            }],
            ..Thought::default()
        });
        assert_eq!(hub.run_jobs().await, 1);
        hub.clock.advance(Duration::seconds(60));
    }
    assert_eq!(hub.dead_jobs().await.len(), 1);
    for table in [
        "memories",
        "memory_candidates",
        "memory_sources",
        "actions",
        "commands",
        "deliveries",
    ] {
        assert_eq!(hub.sql().count(table, "true").await, 0, "{table}");
    }
    assert_eq!(
        hub.sql()
            .count("events", "type in ('message.agent', 'memory.committed')")
            .await,
        0
    );
}

#[tokio::test]
async fn a_turn_whose_words_were_erased_is_skipped() {
    let (hub, _) = scripted().await;
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    let erase = "update hub.events set payload = null, payload_salt = null, erased_at = now() where type = 'transcript'";
    hub.sql().execute(erase).await;
    assert_eq!(hub.run_jobs().await, 1);
    let skipped = hub.home.turn(id).await;
    assert_eq!(
        (skipped.state, skipped.reason.as_deref()),
        (TurnState::Skipped, Some("inputs_erased"))
    );
}
