//! A job is held for as long as its worker lives, however long that takes, and no longer.

use std::time::Duration;

use chrono::Duration as TimeDelta;
use hub::{
    jobs::worker::run_next,
    turns::{TurnState, runtime::Thought},
};
use support::{Held, ScriptedRuntime, TestHub, turn_of};
use tokio::time::{sleep, timeout};

/// The shortest lease there may be: 500 ms.
const LIFE: TimeDelta = TimeDelta::milliseconds(500);
/// Renewals are a sixth of a second apart.
const PATIENCE: Duration = Duration::from_secs(5);

/// A hub whose first turn thinks until it may go on.
async fn slow_hub(runtime: &ScriptedRuntime) -> (TestHub, Held) {
    let held = runtime.then_hold(Thought::default());
    let hub = TestHub::builder()
        .runtime(runtime.clone())
        .config(|config| config.worker.lease_ms = LIFE.num_milliseconds().unsigned_abs())
        .start()
        .await;
    (hub, held)
}

/// Until the lease ends a whole life from now on.
async fn until_renewed(hub: &TestHub) {
    let until = (hub.db.begin_system().await.unwrap().now() + LIFE).to_rfc3339();
    let renewed = async {
        let is_renewed = format!("lease_until = '{until}'");
        while hub.sql().count("jobs", &is_renewed).await == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, renewed).await.expect("the lease is renewed");
}

#[tokio::test]
async fn a_slow_worker_keeps_its_job_while_it_lives() {
    let runtime = ScriptedRuntime::default();
    let (hub, held) = slow_hub(&runtime).await;
    let turn = turn_of(&hub.home.kitchen.hears("hello").await);
    let mut worker = hub.start_one_job();
    held.begun().await;
    let other = hub.another_process(runtime);
    for _ in 0..3 {
        hub.clock.advance(LIFE);
        until_renewed(&hub).await;
        assert!(!run_next(&other).await.unwrap(), "it is held");
    }
    held.go_on();
    assert!(worker.join_next().await.unwrap().unwrap());
    let turn = hub.home.turn(turn).await;
    assert_eq!((turn.state, turn.attempt), (TurnState::Planned, 1));
    assert_eq!(hub.sql().count("jobs", "lost_leases = 0").await, 1);
}

#[tokio::test]
async fn a_job_whose_renewing_worker_was_killed_is_claimed_when_the_lease_ends() {
    let runtime = ScriptedRuntime::default();
    let (hub, held) = slow_hub(&runtime).await;
    hub.home.kitchen.hears("hello").await;
    let mut worker = hub.start_one_job();
    held.begun().await;
    hub.clock.advance(LIFE);
    until_renewed(&hub).await;
    worker.shutdown().await;
    runtime.then_say("by another");
    hub.clock.advance(LIFE);
    assert!(!hub.run_one_job().await, "it is held to its last instant");
    hub.clock.advance(TimeDelta::microseconds(1));
    assert_eq!(hub.run_jobs().await, 1);
}

#[tokio::test]
async fn work_whose_lease_was_lost_is_cancelled() {
    let runtime = ScriptedRuntime::default();
    let (hub, held) = slow_hub(&runtime).await;
    let turn = turn_of(&hub.home.kitchen.hears("hello").await);
    let mut worker = hub.start_one_job();
    held.begun().await;
    // Another worker took it, and was lost in its turn.
    hub.sql()
        .execute("update hub.jobs set fence = fence + 1, lease_until = '2000-01-01'")
        .await;
    let ended = timeout(PATIENCE, worker.join_next()).await;
    assert!(
        ended.expect("it does not think to the end").unwrap().unwrap(),
        "the worker goes on with the next job"
    );
    runtime.then_say("by another");
    assert_eq!(hub.run_jobs().await, 1);
    let turn = hub.home.turn(turn).await;
    assert_eq!((turn.state, turn.attempt), (TurnState::Planned, 2));
}
