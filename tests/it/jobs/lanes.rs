//! Many workers at once: a lane has one job at a time, in order.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use chrono::Duration;
use hub::{
    error::Error,
    hub::Hub,
    ids::{AgentId, JobId, fresh},
    jobs::JobKind,
    storage::{Lease, NewJob},
};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use support::{Household, Seeded, TestClock, TestHub};
use tokio::task::JoinSet;

const LANES: usize = 5;
const JOBS_A_LANE: usize = 8;
const WORKERS: u64 = 6;

/// A lane of one agent; other agents have lanes of the same name.
type Lane = (AgentId, usize);

/// What the workers did, as they saw it.
#[derive(Default)]
struct Board {
    lane_of: HashMap<JobId, Lane>,
    held: HashSet<Lane>,
    finished: HashMap<Lane, Vec<JobId>>,
    left: usize,
}

impl Board {
    fn hold(&mut self, job: JobId) {
        assert!(self.held.insert(self.lane_of[&job]), "two workers in one lane");
    }

    fn let_go(&mut self, job: JobId, is_done: bool) {
        self.held.remove(&self.lane_of[&job]);
        if is_done {
            self.finish(job);
        }
    }

    fn finish(&mut self, job: JobId) {
        let lane = self.lane_of[&job];
        self.finished.entry(lane).or_default().push(job);
        self.left -= 1;
    }
}

/// Queues jobs of two agents in mixed order. Returns the board and each lane's order.
async fn fill(hub: &TestHub, random: &mut StdRng) -> (Arc<Mutex<Board>>, HashMap<Lane, Vec<JobId>>) {
    let next_door = hub.household("next door").await;
    let mut wanted: Vec<(&Household, usize)> = [&hub.home, &next_door]
        .into_iter()
        .flat_map(|home| (0..LANES * JOBS_A_LANE).map(move |number| (home, number % LANES)))
        .collect();
    wanted.shuffle(random);
    let (mut board, mut order) = (Board::default(), HashMap::<Lane, Vec<JobId>>::new());
    for (home, lane) in wanted {
        let mut tx = home.whole().await;
        let job = tx.jobs().insert(new_job(lane)).await.unwrap();
        tx.commit().await.unwrap();
        board.lane_of.insert(job, (home.agent, lane));
        board.left += 1;
        order.entry((home.agent, lane)).or_default().push(job);
    }
    (Arc::new(Mutex::new(board)), order)
}

pub(super) fn new_job(lane: usize) -> NewJob {
    NewJob {
        kind: JobKind::RunTurn,
        lane: format!("lane {lane}"),
        subject: fresh(),
    }
}

pub(super) async fn claim(hub: &Hub, life: Duration) -> Option<Lease> {
    let mut tx = hub.db.begin_system().await.unwrap();
    let lease = tx.jobs().claim(life).await.unwrap();
    tx.commit().await.unwrap();
    lease
}

pub(super) async fn finish(hub: &Hub, lease: &Lease) -> Result<(), Error> {
    let mut tx = hub.db.begin_system().await.unwrap();
    tx.jobs().finish(lease).await?;
    tx.commit().await?;
    Ok(())
}

async fn put_back(hub: &Hub, lease: &Lease, is_outage: bool) {
    let mut tx = hub.db.begin_system().await.unwrap();
    let now = tx.now();
    if is_outage {
        tx.jobs().wait(lease, "the weather", now).await.unwrap();
    } else {
        tx.jobs().retry(lease, "not yet", now).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_has_one_job_at_a_time_and_keeps_its_order() {
    let hub = TestHub::start().await;
    let mut random = Seeded::default();
    let (board, order) = fill(&hub, &mut random).await;
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        workers.spawn(work((*hub).clone(), Arc::clone(&board), random.fork(number)));
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    assert_eq!(board.lock().unwrap().finished, order);
}

async fn work(hub: Hub, board: Arc<Mutex<Board>>, mut rng: StdRng) {
    while board.lock().unwrap().left > 0 {
        let Some(lease) = claim(&hub, Duration::seconds(60)).await else {
            tokio::task::yield_now().await;
            continue;
        };
        board.lock().unwrap().hold(lease.id);
        tokio::task::yield_now().await;
        // Said before the commit: after it the lane is free for another.
        let is_done = rng.random_ratio(2, 3);
        board.lock().unwrap().let_go(lease.id, is_done);
        if is_done {
            finish(&hub, &lease).await.unwrap();
        } else {
            put_back(&hub, &lease, rng.random()).await;
        }
    }
}

/// Two workers that both believe a lane is free: the table itself lets one of them have it.
#[tokio::test]
async fn the_table_refuses_a_second_lease_in_a_lane() {
    let hub = TestHub::start().await;
    for _ in 0..2 {
        let mut tx = hub.home.whole().await;
        tx.jobs().insert(new_job(1)).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut session = hub.sql().as_role("hub_system").await;
    let lease_all = "update jobs set state = 'leased', lease_until = now()";
    assert_eq!(session.refusal_of(lease_all).await, "23505");
    hub.expect_leftovers();
}

/// Workers that stall until their lease has ended: whoever finishes a job then, one does, and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_finished_once_however_often_its_lease_ends() {
    let hub = TestHub::start().await;
    let mut random = Seeded::default();
    let (board, order) = fill(&hub, &mut random).await;
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let stalling = stall(
            (*hub).clone(),
            hub.clock.clone(),
            Arc::clone(&board),
            random.fork(number),
        );
        workers.spawn(stalling);
    }
    let mut lost = 0;
    while let Some(ended) = workers.join_next().await {
        lost += ended.unwrap();
    }
    assert!(lost > 0, "no lease was lost, so nothing was tried");
    assert_eq!(board.lock().unwrap().finished, order);
}

/// Returns how often it found that another worker had its job.
async fn stall(hub: Hub, clock: TestClock, board: Arc<Mutex<Board>>, mut rng: StdRng) -> usize {
    let mut lost = 0;
    while board.lock().unwrap().left > 0 {
        let Some(lease) = claim(&hub, Duration::seconds(60)).await else {
            // Perhaps every job is held by somebody who will lose it.
            clock.advance(Duration::seconds(10));
            tokio::task::yield_now().await;
            continue;
        };
        if rng.random_ratio(1, 3) {
            clock.advance(Duration::seconds(61));
        }
        if rng.random_ratio(1, 6) {
            continue; // killed
        }
        let mut tx = hub.db.begin_system().await.unwrap();
        match tx.jobs().finish(&lease).await {
            Ok(()) => {
                // The row is ours until the commit, so the board is told in the order of commits.
                board.lock().unwrap().finish(lease.id);
                tx.commit().await.unwrap();
            }
            Err(Error::Conflict {
                code: "lease_lost", ..
            }) => lost += 1,
            Err(other) => unreachable!("{}", other.chain()),
        }
    }
    lost
}
