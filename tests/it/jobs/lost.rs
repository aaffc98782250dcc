//! A job whose worker is lost again and again is given up; one whose worker lives to say what came of it is not.

use chrono::Duration;
use hub::{
    ids::{JobId, TurnId},
    jobs::{replay::replay, worker::run_next},
    turns::{TurnState, runtime::Thought},
};
use support::{ScriptedRuntime, TestHub, turn_of};

/// Longer than a lease.
const LEASE_OVER: Duration = Duration::minutes(2);
/// Workers that a job may lose.
const MAX_LOST: usize = 5;

/// Begins the turn that is next, and kills its worker.
async fn lose_a_worker(hub: &TestHub, runtime: &ScriptedRuntime) {
    let held = runtime.then_hold(Thought::default());
    let mut worker = hub.start_one_job();
    held.begun().await;
    worker.shutdown().await;
    hub.clock.advance(LEASE_OVER);
}

async fn replays(hub: &TestHub, job: JobId) {
    let mut tx = hub.home.whole().await;
    replay(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
}

async fn turn_is(hub: &TestHub, id: TurnId, state: TurnState) -> Option<String> {
    let turn = hub.home.turn(id).await;
    assert_eq!(turn.state, state);
    turn.reason
}

#[tokio::test]
async fn a_job_that_kills_its_workers_is_dead_in_the_end_and_can_be_replayed() {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    let poison = turn_of(&hub.home.kitchen.hears("poison").await);
    let next = turn_of(&hub.home.kitchen.hears("bread").await);
    for _ in 0..MAX_LOST {
        lose_a_worker(&hub, &runtime).await;
    }
    runtime.then_say("bread, then");
    assert_eq!(
        hub.run_jobs().await,
        2,
        "one is given up, and the next has its turn"
    );
    let why = "its worker was lost 5 times";
    assert_eq!(turn_is(&hub, poison, TurnState::Dead).await.as_deref(), Some(why));
    turn_is(&hub, next, TurnState::Planned).await;
    let listed = hub.dead_jobs().await;
    assert_eq!(listed[0].error.as_deref(), Some(why));
    replays(&hub, listed[0].id).await;
    // From the beginning: what was counted before does not count any more.
    for _ in 1..MAX_LOST {
        lose_a_worker(&hub, &runtime).await;
    }
    runtime.then_say("harmless");
    assert_eq!(hub.run_jobs().await, 1);
    turn_is(&hub, poison, TurnState::Planned).await;
}

#[tokio::test]
async fn a_worker_that_stops_in_order_is_not_lost() {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder().runtime(runtime.clone()).start().await;
    let turn = turn_of(&hub.home.kitchen.hears("hello").await);
    let stopping = hub.another_process(runtime.clone());
    let held = runtime.then_hold(Thought::default());
    let stop = async {
        held.begun().await;
        // Something that does not end by itself, so that the second stage comes.
        let endless = stopping.lifecycle.run(std::future::pending::<()>());
        tokio::join!(stopping.lifecycle.shut_down(), endless);
    };
    let (ran, ()) = tokio::join!(run_next(&stopping), stop);
    assert!(ran.unwrap());
    runtime.then_say("hello");
    assert_eq!(hub.run_jobs().await, 1, "it need not wait for the lease to end");
    turn_is(&hub, turn, TurnState::Planned).await;
    assert_eq!(hub.sql().count("jobs", "lost_leases = 0").await, 1);
}

#[tokio::test]
async fn an_outage_of_the_database_loses_no_worker() {
    let runtime = ScriptedRuntime::default();
    let hub = TestHub::builder()
        .runtime(runtime.clone())
        .proxied()
        .config(|config| config.database.acquire_timeout_ms = 500)
        .start()
        .await;
    let turn = turn_of(&hub.home.kitchen.hears("hello").await);
    let held = runtime.then_hold(Thought::default());
    let mut worker = hub.start_one_job();
    held.begun().await;
    let proxy = hub.proxy.as_ref().unwrap();
    proxy.cut();
    held.go_on();
    // The worker meets the same: with what it thought, and with saying that it could not keep it.
    for _ in 0..3 {
        assert!(hub.db.begin_system().await.is_err());
    }
    proxy.heal();
    assert!(worker.join_next().await.unwrap().unwrap());
    hub.clock.advance(LEASE_OVER);
    runtime.then_say("hello");
    assert_eq!(hub.run_jobs().await, 1);
    turn_is(&hub, turn, TurnState::Planned).await;
    assert_eq!(hub.sql().count("jobs", "lost_leases = 0").await, 1);
}
