//! The table of jobs against a model that says in a few lines what it should do.

use chrono::Duration;
use hub::{
    clock::{Clock, DateTime},
    error::{Error, Result},
    identity::Actor,
    ids::{AgentId, JobId},
    storage::{Lease, TxScope},
};
use rand::{
    Rng,
    seq::{IndexedRandom, IteratorRandom},
};
use support::{Seeded, TestHub};

use super::lanes::{claim, new_job};

/// Operations of a run.
const STEPS: usize = 400;
/// How long a lease is held.
const LIFE: Duration = Duration::seconds(30);

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Queued,
    Leased(DateTime),
    Done,
    Dead,
}

#[derive(Debug)]
struct Job {
    id: JobId,
    lane: (AgentId, usize),
    state: State,
    run_at: DateTime,
    attempts: i32,
    fence: i64,
}

#[derive(Default)]
struct Model(Vec<Job>);

impl Model {
    /// A lease that has ended comes before all else of its lane; then the first unfinished job goes, unless one is held.
    fn claim(&mut self, now: DateTime) -> Option<&Job> {
        let is_runnable = |job: &Job| match job.state {
            State::Leased(until) => until < now,
            State::Queued => job.run_at <= now && self.is_next(job),
            State::Done | State::Dead => false,
        };
        let runnable = self.0.iter().enumerate().filter(|(_, job)| is_runnable(job));
        let (index, _) = runnable.min_by_key(|(_, job)| (job.run_at, job.id))?;
        let job = &mut self.0[index];
        (job.state, job.fence) = (State::Leased(now + LIFE), job.fence + 1);
        Some(&self.0[index])
    }

    fn is_next(&self, job: &Job) -> bool {
        let unfinished = |other: &&Job| !matches!(other.state, State::Done | State::Dead);
        let mut lane = self
            .0
            .iter()
            .filter(|other| other.lane == job.lane)
            .filter(unfinished);
        lane.all(|other| other.id >= job.id && !matches!(other.state, State::Leased(_)))
    }

    /// The job of a lease, if it is still held under it.
    fn held(&mut self, lease: &Lease) -> Option<&mut Job> {
        let job = self.0.iter_mut().find(|job| job.id == lease.id)?;
        (job.fence == lease.fence && matches!(job.state, State::Leased(_))).then_some(job)
    }
}

#[derive(Debug, Clone, Copy)]
enum End {
    Finish,
    Retry,
    Wait,
    Bury,
}

#[tokio::test]
async fn the_table_does_what_the_model_says() {
    let hub = TestHub::start().await;
    let next_door = hub.household("next door").await;
    let mut random = Seeded::default();
    let (mut model, mut leases) = (Model::default(), Vec::<Lease>::new());
    for _ in 0..STEPS {
        match random.random_range(0..10) {
            0..3 => {
                let home = if random.random() { &hub.home } else { &next_door };
                let lane = random.random_range(0..4);
                let mut tx = home.whole().await;
                let id = tx.jobs().insert(new_job(lane)).await.unwrap();
                tx.commit().await.unwrap();
                model.0.push(Job {
                    id,
                    lane: (home.agent, lane),
                    state: State::Queued,
                    run_at: hub.clock.now(),
                    attempts: 0,
                    fence: 0,
                });
            }
            3..6 => {
                let claimed = claim(&hub, LIFE).await;
                let expected = model.claim(hub.clock.now());
                let seen = claimed
                    .as_ref()
                    .map(|lease| (lease.id, lease.fence, lease.attempts));
                assert_eq!(seen, expected.map(|job| (job.id, job.fence, job.attempts)));
                leases.extend(claimed);
            }
            6..9 => {
                // The newest lease or an old one: the table must tell them apart.
                let lease = if random.random() {
                    leases.last()
                } else {
                    leases.choose(&mut random)
                };
                let Some(lease) = lease.cloned() else { continue };
                let end = *[End::Finish, End::Retry, End::Wait, End::Bury]
                    .choose(&mut random)
                    .unwrap();
                let run_at = hub.clock.now() + Duration::seconds(random.random_range(0..60));
                let ended = apply(&hub, &lease, end, run_at).await;
                let Some(job) = model.held(&lease) else {
                    let lost = matches!(
                        ended,
                        Err(Error::Conflict {
                            code: "lease_lost",
                            ..
                        })
                    );
                    assert!(lost, "{end:?} with a lost lease: {ended:?}");
                    continue;
                };
                ended.unwrap();
                job.state = match end {
                    End::Finish => State::Done,
                    End::Retry | End::Wait => State::Queued,
                    End::Bury => State::Dead,
                };
                if matches!(end, End::Retry | End::Wait) {
                    job.run_at = run_at;
                }
                job.attempts += i32::from(matches!(end, End::Retry | End::Bury));
            }
            9 if random.random() => {
                let is_dead = |job: &&mut Job| job.state == State::Dead;
                let Some(job) = model.0.iter_mut().filter(is_dead).choose(&mut random) else {
                    continue;
                };
                let scope = TxScope::WholeAgent(job.lane.0);
                let mut tx = hub.db.begin(scope, Actor::hub()).await.unwrap();
                assert!(tx.jobs().replay(job.id).await.unwrap().is_some());
                tx.commit().await.unwrap();
                (job.state, job.run_at, job.attempts) = (State::Queued, hub.clock.now(), 0);
            }
            _ => hub.clock.advance(Duration::seconds(random.random_range(1..40))),
        }
    }
    assert!(leases.len() > 30, "hardly anything was claimed");
    hub.expect_leftovers();
}

async fn apply(hub: &TestHub, lease: &Lease, end: End, run_at: DateTime) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    match end {
        End::Finish => tx.jobs().finish(lease).await?,
        End::Retry => tx.jobs().retry(lease, "not yet", run_at).await?,
        End::Wait => tx.jobs().wait(lease, "the weather", run_at).await?,
        End::Bury => tx.jobs().bury(lease, "hopeless").await?,
    }
    tx.commit().await?;
    Ok(())
}
