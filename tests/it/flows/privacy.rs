//! A private space keeps nothing, and the switch is in order with every event.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::Duration;
use hub::{
    events::ingest::Outcome,
    ids::TurnId,
    places::PrivacyMode,
    turns::{Block, TurnState, runtime::Thought},
};
use serde_json::json;
use support::{ScriptedRuntime, TestDevice, TestHub, heard, thing, turn_of};
use tokio::task::JoinSet;

fn is_discarded(outcome: &Outcome) -> bool {
    *outcome
        == Outcome::Discarded {
            reason: "privacy_mode",
        }
}

#[tokio::test]
async fn what_a_private_space_hears_leaves_nothing() {
    let hub = TestHub::start().await;
    let (home, kitchen) = (&hub.home, &hub.home.kitchen);
    home.set_privacy(kitchen.space, PrivacyMode::Private)
        .await
        .unwrap();
    let before = hub.sql().census().await;
    let outcomes = kitchen
        .sends(vec![heard("a secret"), thing(json!({"n": 1}))])
        .await
        .unwrap();
    assert!(outcomes.iter().all(is_discarded), "{outcomes:?}");
    assert_eq!(hub.sql().census().await, before);
    // The room next to it is not private.
    assert!(matches!(
        home.office.hears("hello").await,
        Outcome::Accepted { .. }
    ));
    home.set_privacy(kitchen.space, PrivacyMode::Normal)
        .await
        .unwrap();
    assert!(matches!(kitchen.hears("hello").await, Outcome::Accepted { .. }));
    hub.run_jobs().await;
}

/// A satellite that sends again what it had no answer for learns that it was kept.
#[tokio::test]
async fn what_was_kept_before_the_switch_is_still_a_duplicate() {
    let hub = TestHub::start().await;
    let (kitchen, item) = (&hub.home.kitchen, heard("hello"));
    kitchen.sends(vec![item.clone()]).await.unwrap();
    hub.home
        .set_privacy(kitchen.space, PrivacyMode::Private)
        .await
        .unwrap();
    let outcomes = kitchen.sends(vec![item, heard("a secret")]).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Duplicate { .. }), "{outcomes:?}");
    assert!(is_discarded(&outcomes[1]), "{outcomes:?}");
    hub.run_jobs().await;
}

#[tokio::test]
async fn a_mode_that_nobody_knows_is_private() {
    let hub = TestHub::start().await;
    // As a later version of the hub may have written it.
    hub.sql()
        .execute("alter table hub.spaces drop constraint spaces_privacy_mode_check; update hub.spaces set privacy_mode = 'x'")
        .await;
    assert!(is_discarded(&hub.home.kitchen.hears("hello").await));
}

/// What was kept before the switch stays in the log; nobody thinks about it any more, and nothing is remembered of it.
#[tokio::test]
async fn a_queued_turn_of_a_space_that_went_private_is_skipped() {
    let hub = TestHub::start().await;
    let (home, kitchen) = (&hub.home, &hub.home.kitchen);
    let outcome = kitchen.hears("remember that the safe opens with 4711").await;
    home.set_privacy(kitchen.space, PrivacyMode::Private)
        .await
        .unwrap();
    hub.run_jobs().await;
    is_skipped(&hub, turn_of(&outcome)).await;
}

/// The switch is turned while the agent thinks: what it comes to is thrown away.
#[tokio::test]
async fn a_turn_whose_space_goes_private_while_it_thinks_keeps_nothing() {
    let runtime = ScriptedRuntime::default();
    let held = runtime.then_hold(Thought {
        reply: vec![Block::text("I will remember it.")],
        ..Thought::default()
    });
    let hub = TestHub::builder().runtime(runtime).start().await;
    let (home, kitchen) = (&hub.home, &hub.home.kitchen);
    let outcome = kitchen.hears("remember that the safe opens with 4711").await;
    let switch = async {
        held.begun().await;
        home.set_privacy(kitchen.space, PrivacyMode::Private)
            .await
            .unwrap();
        held.go_on();
    };
    tokio::join!(hub.run_jobs(), switch);
    is_skipped(&hub, turn_of(&outcome)).await;
}

async fn is_skipped(hub: &TestHub, id: TurnId) {
    let turn = hub.home.turn(id).await;
    assert_eq!(
        (turn.state, turn.reason.as_deref(), turn.reply_event_id),
        (TurnState::Skipped, Some("privacy_mode"), None)
    );
    for table in ["memories", "actions", "commands"] {
        assert_eq!(hub.sql().count(table, "true").await, 0, "{table}");
    }
}

/// Every event lies in a stretch of the log in which its space was normal, however much happens at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_slips_past_the_switch() {
    let hub = TestHub::start().await;
    let kitchen = &hub.home.kitchen;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut satellites = JoinSet::new();
    for _ in 0..3 {
        satellites.spawn(send_until(kitchen.clone(), Arc::clone(&is_over)));
    }
    for round in 0..40 {
        let mode = if round % 2 == 0 {
            PrivacyMode::Private
        } else {
            PrivacyMode::Normal
        };
        hub.home.set_privacy(kitchen.space, mode).await.unwrap();
        // The next word opens a session, which refers to the space that is being switched.
        hub.clock.advance(Duration::minutes(11));
    }
    is_over.store(true, Ordering::SeqCst);
    let (mut accepted, mut discarded) = (0, 0);
    while let Some(counted) = satellites.join_next().await {
        let (kept, dropped) = counted.unwrap();
        accepted += kept;
        discarded += dropped;
    }
    assert!(
        accepted > 0 && discarded > 0,
        "{accepted} accepted, {discarded} discarded: nothing was tried"
    );
    let log: Vec<(String, Option<String>)> = hub
        .sql()
        .rows(&format!(
            "select type, payload ->> 'privacy_mode' from hub.events where space_id = '{}'
               and (type = 'x.test.thing' or type = 'space.changed') order by position",
            kitchen.space
        ))
        .await;
    let mut is_private = false;
    for (event_type, mode) in log {
        if event_type == "space.changed" {
            is_private = mode.as_deref() == Some("private");
        } else {
            assert!(!is_private, "an event was kept while its space was private");
        }
    }
}

async fn send_until(kitchen: TestDevice, is_over: Arc<AtomicBool>) -> (usize, usize) {
    let (mut accepted, mut discarded) = (0, 0);
    while !is_over.load(Ordering::SeqCst) {
        let outcome = kitchen.sends(vec![thing(json!({}))]).await.unwrap().remove(0);
        match outcome {
            Outcome::Accepted { .. } => accepted += 1,
            Outcome::Discarded { .. } => discarded += 1,
            other => unreachable!("{other:?}"),
        }
    }
    (accepted, discarded)
}
