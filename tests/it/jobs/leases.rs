//! Whoever loses a lease changes nothing any more.

use chrono::Duration;
use hub::{
    audit::record::Record,
    error::Error,
    events::{EventKind, NewEvent, Place},
    jobs::{Failure, worker::run_next},
    storage::Lease,
    turns::{Block, TurnState, run::run, runtime::Thought},
};
use serde_json::json;
use support::{ScriptedRuntime, TestHub, turn_of};

use super::lanes::{claim, finish, new_job};

const LIFE: Duration = Duration::seconds(60);

async fn queued(hub: &TestHub) {
    let mut tx = hub.home.whole().await;
    tx.jobs().insert(new_job(1)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_lease_that_ended_is_claimed_again_with_a_higher_fence() {
    let hub = TestHub::start().await;
    queued(&hub).await;
    let first = claim(&hub, LIFE).await.unwrap();
    hub.clock.advance(LIFE);
    assert!(
        claim(&hub, LIFE).await.is_none(),
        "it is held to its last instant"
    );
    hub.clock.advance(Duration::microseconds(1));
    let second = claim(&hub, LIFE).await.unwrap();
    assert_eq!(second.id, first.id);
    assert!(second.fence > first.fence);
    finish(&hub, &second).await.unwrap();
}

#[tokio::test]
async fn a_stale_worker_can_do_nothing_to_its_job() {
    let hub = TestHub::start().await;
    queued(&hub).await;
    let stale = claim(&hub, LIFE).await.unwrap();
    hub.clock.advance(LIFE * 2);
    let present = claim(&hub, LIFE).await.unwrap();
    assert_all_refused(&hub, &stale).await;
    finish(&hub, &present).await.unwrap();
    assert_all_refused(&hub, &stale).await;
    assert_all_refused(&hub, &present).await;
}

async fn assert_all_refused(hub: &TestHub, lease: &Lease) {
    let now = hub.db.begin_system().await.unwrap().now();
    for end in 0..4 {
        let mut tx = hub.db.begin_system().await.unwrap();
        let mut jobs = tx.jobs();
        let ended = match end {
            0 => jobs.finish(lease).await,
            1 => jobs.retry(lease, "again", now).await,
            2 => jobs.wait(lease, "something", now).await,
            _ => jobs.bury(lease, "hopeless").await,
        };
        assert!(
            matches!(
                ended,
                Err(Error::Conflict {
                    code: "lease_lost",
                    ..
                })
            ),
            "{ended:?}"
        );
    }
}

/// What a job did and its end are one unit of work.
#[tokio::test]
async fn nothing_of_a_stale_worker_is_committed() {
    let hub = TestHub::start().await;
    queued(&hub).await;
    let stale = claim(&hub, LIFE).await.unwrap();
    hub.clock.advance(LIFE * 2);
    let present = claim(&hub, LIFE).await.unwrap();
    let before = hub.sql().count("events", "true").await;
    let mut tx = hub.home.whole().await;
    let place = Place::in_space(hub.home.elsewhere);
    tx.append(NewEvent::by_hub(
        EventKind::Other("x.effect".to_owned()),
        place,
        json!({}),
    ));
    tx.record(Record::of("append_events"));
    tx.jobs().finish(&stale).await.unwrap_err();
    drop(tx);
    assert_eq!(hub.sql().count("events", "true").await, before);
    finish(&hub, &present).await.unwrap();
}

fn says(text: &str) -> Thought {
    Thought {
        reply: vec![Block::text(text)],
        ..Thought::default()
    }
}

#[tokio::test]
async fn a_worker_that_thinks_past_its_lease_applies_nothing() {
    let slow = ScriptedRuntime::default();
    let held = slow.then_hold(says("too late"));
    let hub = TestHub::builder().runtime(slow).start().await;
    let turn = turn_of(&hub.home.kitchen.hears("hello").await);
    let mut workers = hub.start_one_job();
    held.begun().await;
    hub.clock.advance(LIFE * 2);
    let quick = ScriptedRuntime::default();
    quick.then_say("in time");
    let other = hub.another_process(quick);
    assert!(run_next(&other).await.unwrap());
    held.go_on();
    assert!(workers.join_next().await.unwrap().unwrap());
    let turn = hub.home.turn(turn).await;
    assert_eq!(turn.state, TurnState::Planned);
    assert_eq!(turn.reply, Some(vec![Block::text("in time")]));
    assert_eq!(hub.sql().count("events", "type = 'message.agent'").await, 1);
    assert_eq!(hub.sql().count("commands", "true").await, 1);
    assert_eq!(
        hub.sql().count("jobs", "state = 'done' and attempts = 0").await,
        1
    );
}

/// Two workers hold the turn, one after the other; the first one comes late to everything.
#[tokio::test]
async fn a_stale_worker_does_not_disturb_the_one_that_took_its_turn() {
    let runtime = ScriptedRuntime::default();
    let first = runtime.then_hold(says("too late"));
    let second = runtime.then_hold(says("in time"));
    let hub = TestHub::builder().runtime(runtime).start().await;
    let id = turn_of(&hub.home.kitchen.hears("hello").await);
    let not_begun = claim(&hub, LIFE).await.unwrap();
    hub.clock.advance(LIFE * 2);
    let stale = claim(&hub, LIFE).await.unwrap();
    let stale_worker = async {
        let ended = run(&hub, &stale).await;
        assert!(matches!(ended, Err(Failure::Lost)), "{ended:?}");
    };
    let present_worker = async {
        first.begun().await;
        hub.clock.advance(LIFE * 2);
        let mut present = hub.start_one_job();
        second.begun().await;
        first.go_on();
        let ended = run(&hub, &not_begun).await;
        assert!(matches!(ended, Err(Failure::Lost)), "{ended:?}");
        second.go_on();
        assert!(present.join_next().await.unwrap().unwrap());
    };
    tokio::join!(stale_worker, present_worker);
    let turn = hub.home.turn(id).await;
    assert_eq!((turn.state, turn.attempt), (TurnState::Planned, 2));
    assert_eq!(turn.reply, Some(vec![Block::text("in time")]));
    assert_eq!(hub.sql().count("jobs", "attempts = 0").await, 1);
}

#[tokio::test]
async fn a_turn_goes_on_after_its_worker_was_killed() {
    let runtime = ScriptedRuntime::default();
    let held = runtime.then_hold(says("never said"));
    runtime.then_say("said at last");
    let hub = TestHub::builder().runtime(runtime).start().await;
    let turn = turn_of(&hub.home.kitchen.hears("hello").await);
    let mut workers = hub.start_one_job();
    held.begun().await;
    workers.shutdown().await;
    assert_eq!(hub.run_jobs().await, 0, "the dead worker's lease still holds");
    hub.clock.advance(LIFE * 2);
    assert_eq!(hub.run_jobs().await, 1);
    let turn = hub.home.turn(turn).await;
    assert_eq!((turn.state, turn.attempt), (TurnState::Planned, 2));
    assert_eq!(turn.reply, Some(vec![Block::text("said at last")]));
}
