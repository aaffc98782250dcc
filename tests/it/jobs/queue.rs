//! The queue as a bell between processes, on the wire. Nobody here hears the database's bell, and tables are not polled: what
//! is done was woken by a message.

use std::{sync::Arc, time::Duration};

use chrono::Duration as TimeDelta;
use hub::{
    adapters::queue::Queue,
    hub::Hub,
    ids::{JobId, TurnId, fresh},
    jobs::{receive, relay, worker},
    turns::{
        Block, TurnState,
        offline::Offline,
        runtime::{AgentRuntime, RuntimeError, Thought},
    },
};
use support::{Aws, ScriptedRuntime, TestHub, TestQueue, turn_of};
use tokio::time::{sleep, timeout};

use super::lanes::new_job;

/// Longer than anything here should take, and shorter than the polls of tables.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// Workers of a process.
const WORKERS: usize = 2;

/// A hub that serves without workers, and its queue.
pub(super) struct Home {
    pub(super) hub: TestHub,
    pub(super) queue: TestQueue,
    pub(super) wire: Arc<dyn Queue>,
}

impl Home {
    pub(super) async fn with(runtime: impl AgentRuntime + 'static) -> Self {
        let aws = Aws::stand_in().await;
        let queue = aws.queue().await;
        let config = queue.config();
        let hub = TestHub::builder()
            .runtime(runtime)
            .config(move |all| {
                all.worker.poll_ms = config.poll_ms;
                all.worker.concurrency = WORKERS;
                all.queue = config;
            })
            .start()
            .await;
        let wire = queue.through(&aws);
        Self { hub, queue, wire }
    }

    /// From now on ids are sent.
    pub(super) fn relay(&self) {
        self.hub.queue.begin();
        relay::start(&self.hub, &self.wire);
    }

    /// A process with workers, on the same database and queue. They have looked at the table, and rest.
    pub(super) async fn worker(&self, runtime: impl AgentRuntime + 'static) -> Hub {
        let other = self.hub.another_process(runtime);
        works(&other, &self.wire);
        let resting = async {
            while other.idle.someone().await < WORKERS {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, resting).await.expect("there is nothing to do");
        other
    }

    /// Ends when a turn is planned.
    pub(super) async fn planned(&self, turn: TurnId) {
        self.turn_is(turn, TurnState::Planned).await;
    }

    async fn turn_is(&self, id: TurnId, state: TurnState) {
        let ended = async {
            while self.state(id).await != state {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("somebody is woken");
    }

    async fn state(&self, id: TurnId) -> TurnState {
        let mut tx = self.hub.home.whole().await;
        tx.turns().find(id).await.unwrap().unwrap().state
    }

    async fn hears(&self, text: &str) -> TurnId {
        turn_of(&self.hub.home.kitchen.hears(text).await)
    }
}

pub(super) fn works(hub: &Hub, queue: &Arc<dyn Queue>) {
    hub.queue.begin();
    worker::start(hub);
    receive::start(hub, queue);
}

fn says(text: &str) -> Thought {
    Thought {
        reply: vec![Block::text(text)],
        ..Thought::default()
    }
}

#[tokio::test]
async fn a_message_wakes_a_worker_where_no_bell_is_heard() {
    let home = Home::with(Offline).await;
    home.relay();
    let worker = home.worker(Offline).await;
    for text in ["hello", "remember that the key is with Nora"] {
        let turn = home.hears(text).await;
        home.planned(turn).await;
    }
    home.queue.until_empty().await;
    worker.lifecycle.shut_down().await;
}

#[tokio::test]
async fn every_id_is_sent_however_many_there_are() {
    let home = Home::with(Offline).await;
    home.relay();
    let mut tx = home.hub.home.whole().await;
    let mut ids = Vec::new();
    for lane in 0..37 {
        ids.push(tx.jobs().insert(new_job(lane)).await.unwrap().to_string());
    }
    assert_eq!(home.queue.messages().await, 0, "not before the commit");
    tx.commit().await.unwrap();
    let mut told = home.queue.bodies(ids.len()).await;
    told.sort();
    assert_eq!(told, ids);
    assert_eq!(home.queue.messages().await, 0);
    home.hub.expect_leftovers();
}

#[tokio::test]
async fn what_was_rolled_back_is_not_told() {
    let home = Home::with(Offline).await;
    home.relay();
    let mut tx = home.hub.home.whole().await;
    tx.jobs().insert(new_job(1)).await.unwrap();
    drop(tx);
    let turn = home.hears("hello").await;
    assert_eq!(home.queue.bodies(1).await.len(), 1);
    home.hub.run_jobs().await;
    home.planned(turn).await;
    assert_eq!(home.queue.messages().await, 0);
}

#[tokio::test]
async fn messages_that_are_doubled_or_forged_do_nothing() {
    let home = Home::with(Offline).await;
    let next_door = TestHub::start().await;
    next_door.home.kitchen.hears("hello").await;
    let theirs: String = next_door.sql().value("select id::text from hub.jobs").await;
    home.relay();
    let worker = home.worker(Offline).await;
    let turn = home.hears("tell the office that dinner is ready").await;
    home.planned(turn).await;
    let ours: String = home.hub.sql().value("select id::text from hub.jobs").await;
    let before = home.books().await;
    let long = "x".repeat(100_000);
    for forged in [
        "hello",
        "'; drop table hub.jobs; --",
        "{\"job\": 1}",
        &long,
        &JobId::mint().to_string(),
    ] {
        home.queue.send(forged).await;
    }
    for _ in 0..12 {
        home.queue.send(&ours).await;
        home.queue.send(&theirs).await;
    }
    home.queue.until_empty().await;
    assert_eq!(home.books().await, before);
    assert_eq!(next_door.sql().count("jobs", "state = 'queued'").await, 1);
    let turn = home.hears("hello").await;
    home.planned(turn).await;
    worker.lifecycle.shut_down().await;
    next_door.run_jobs().await;
}

impl Home {
    /// Everything that a second effect would change.
    async fn books(&self) -> String {
        let sql =
            "select concat_ws(' ', (select count(*) from hub.events), (select count(*) from hub.actions),
                     (select count(*) from hub.commands), (select count(*) from hub.audit_entries),
                     (select string_agg(state || fence, ',') from hub.jobs))";
        self.hub.sql().value(sql).await
    }
}

/// The message is lost: its process died before it was sent.
#[tokio::test]
async fn a_job_whose_message_was_lost_is_rung_for_again() {
    let home = Home::with(Offline).await;
    let worker = home.worker(Offline).await;
    let turn = home.hears("hello").await;
    home.relay();
    home.hub.clock.advance(TimeDelta::seconds(1));
    home.planned(turn).await;
    worker.lifecycle.shut_down().await;
}

/// The message came when the time had not come.
#[tokio::test]
async fn a_job_that_waits_is_rung_for_when_its_time_has_come() {
    let (home, runtime) = scripted().await;
    runtime.then_fail(RuntimeError::Away {
        waiting_for: "the model".to_owned(),
        retry_after: Duration::from_secs(30),
    });
    home.relay();
    let worker = home.worker(runtime.clone()).await;
    let turn = home.hears("hello").await;
    home.turn_is(turn, TurnState::Waiting).await;
    home.queue.until_empty().await;
    runtime.then_say("hello");
    home.hub.clock.advance(TimeDelta::seconds(32));
    home.planned(turn).await;
    worker.lifecycle.shut_down().await;
}

/// The message came when the lane was taken, by a process that then does not go on.
#[tokio::test]
async fn a_job_whose_lane_was_taken_is_rung_for_when_it_is_free() {
    let (home, runtime) = scripted().await;
    let held = runtime.then_hold(says("one"));
    let (first, second) = (home.hears("one").await, home.hears("two").await);
    let mut busy = home.hub.start_one_job();
    held.begun().await;
    let worker = home.worker(runtime.clone()).await;
    for _ in 0..2 {
        home.queue.send(&fresh().to_string()).await;
    }
    home.queue.until_empty().await;
    assert_eq!(home.state(second).await, TurnState::Queued);
    runtime.then_say("two");
    held.go_on();
    assert!(busy.join_next().await.unwrap().unwrap());
    home.relay();
    home.hub.clock.advance(TimeDelta::seconds(1));
    home.planned(first).await;
    home.planned(second).await;
    worker.lifecycle.shut_down().await;
}

/// Its holder was killed; its message is long gone.
#[tokio::test]
async fn a_job_whose_holder_was_lost_is_rung_for_when_its_lease_has_ended() {
    let (home, runtime) = scripted().await;
    let held = runtime.then_hold(says("lost"));
    home.relay();
    let turn = home.hears("hello").await;
    assert_eq!(home.queue.bodies(1).await.len(), 1);
    let mut lost = home.hub.start_one_job();
    held.begun().await;
    lost.shutdown().await;
    let worker = home.worker(runtime.clone()).await;
    runtime.then_say("hello");
    home.hub.clock.advance(TimeDelta::minutes(2));
    home.planned(turn).await;
    worker.lifecycle.shut_down().await;
}

/// What a closing process puts back is another's at once.
#[tokio::test]
async fn a_job_that_a_closing_process_puts_back_is_told_at_once() {
    let (home, runtime) = scripted().await;
    let held = runtime.then_hold(says("hello"));
    home.relay();
    let turn = home.hears("hello").await;
    assert_eq!(home.queue.bodies(1).await.len(), 1);
    worker::start(&home.hub);
    held.begun().await;
    home.hub.lifecycle.shut_down().await;
    assert_eq!(home.queue.messages().await, 1);
    runtime.then_say("hello");
    let worker = home.worker(runtime.clone()).await;
    home.planned(turn).await;
    worker.lifecycle.shut_down().await;
}

#[tokio::test]
async fn messages_that_nobody_deletes_are_counted_as_dead() {
    let home = Home::with(Offline).await;
    home.queue.send(&JobId::mint().to_string()).await;
    while home.queue.take_and_forget().await {}
    let worker = home.worker(Offline).await;
    let counted = async {
        while worker.queue.report().dead_letters != Some(1) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, counted).await.expect("they are counted");
    assert!(worker.queue.is_well(), "a signal, and no trouble");
    worker.lifecycle.shut_down().await;
}

async fn scripted() -> (Home, ScriptedRuntime) {
    let runtime = ScriptedRuntime::default();
    (Home::with(runtime.clone()).await, runtime)
}
