//! The worker: claims a job, works without holding a transaction, and ends it in one that checks the fencing token.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use chrono::Duration as TimeDelta;
use futures_util::FutureExt;

use super::{Failure, JobKind};
use crate::{
    actions,
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    ids::{ActionId, TurnId},
    storage::{Lease, Ring, Tx, TxScope},
    telemetry::metric,
    turns,
};

/// The longest wait between two tries.
const MAX_BACK_OFF: Duration = Duration::from_mins(5);
/// The wait after the first failed try; it doubles from there.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

/// Starts the workers of this process.
pub fn start(hub: &Hub) {
    for _ in 0..hub.config.worker.concurrency {
        let hub = hub.clone();
        hub.lifecycle.clone().spawn(async move { work(hub).await });
    }
}

async fn work(hub: Hub) {
    let bell = hub.db.bell().listen(Ring::Jobs);
    let poll = Duration::from_millis(hub.config.worker.poll_ms);
    while !hub.lifecycle.is_closing() {
        match run_next(&hub).await {
            Ok(true) => {}
            Ok(false) => tokio::select! {
                () = bell.rung_or_after(poll) => {}
                () = hub.lifecycle.closing() => {}
            },
            Err(error) => {
                tracing::warn!(error = error.chain(), "no job could be claimed");
                tokio::select! {
                    () = tokio::time::sleep(poll) => {}
                    () = hub.lifecycle.closing() => {}
                }
            }
        }
    }
}

/// Claims and runs one job. False when none was runnable, true when it is worth asking again.
pub async fn run_next(hub: &Hub) -> Result<bool> {
    let lease_life = TimeDelta::milliseconds(i64::try_from(hub.config.worker.lease_ms).unwrap_or(i64::MAX));
    let mut tx = hub.db.begin_system().await?;
    let lease = match tx.jobs().claim(lease_life).await {
        Ok(Some(lease)) => lease,
        Ok(None) => return Ok(false),
        // Not idle: there may be work in another lane.
        Err(Error::Conflict {
            code: "lane_taken", ..
        }) => return Ok(true),
        Err(error) => return Err(error),
    };
    tx.commit().await?;
    let started = Instant::now();
    let ended = tokio::select! {
        ended = AssertUnwindSafe(run(hub, &lease)).catch_unwind() => {
            ended.unwrap_or_else(|_| Err(Failure::Broken { chain: "the job panicked".to_owned() }))
        }
        () = hub.lifecycle.cancelled() => Err(Failure::Wait {
            waiting_for: "a restart".to_owned(),
            retry_after: Duration::ZERO,
        }),
    };
    let seconds = started.elapsed().as_secs_f64();
    metrics::histogram!(metric::JOB_SECONDS, "kind" => lease.kind.as_str()).record(seconds);
    let outcome = match ended {
        Ok(()) => "done",
        Err(failure) => fail(hub, &lease, failure).await,
    };
    metrics::counter!(metric::JOBS, "kind" => lease.kind.as_str(), "outcome" => outcome).increment(1);
    tracing::info!(
        agent.id = %lease.agent, job.id = %lease.id, job.kind = lease.kind.as_str(), job.subject = %lease.subject,
        job.outcome = outcome, duration_ms = seconds * 1000.0, "job"
    );
    Ok(true)
}

async fn run(hub: &Hub, lease: &Lease) -> Result<(), Failure> {
    match lease.kind {
        JobKind::RunTurn => Box::pin(turns::run::run(hub, lease)).await,
        JobKind::ExecuteAction => Box::pin(actions::execute::execute(hub, lease)).await,
    }
}

/// Writes a failure down. If even that fails, the lease ends by itself and the job is claimed again.
async fn fail(hub: &Hub, lease: &Lease, failure: Failure) -> &'static str {
    let (outcome, written) = match failure {
        Failure::Lost => return "lost",
        Failure::Wait {
            waiting_for,
            retry_after,
        } => ("waiting", wait(hub, lease, &waiting_for, retry_after).await),
        Failure::Dead { reason } => ("dead", bury(hub, lease, &reason, &reason).await),
        Failure::Retry { reason } => again(hub, lease, &reason, &reason).await,
        // The chain is for the operator; people are told no more than that.
        Failure::Broken { chain } => again(hub, lease, &chain, "something broke inside the hub").await,
    };
    if let Err(error) = written {
        tracing::warn!(job.id = %lease.id, error = error.chain(), "a failure could not be written down");
    }
    outcome
}

async fn wait(hub: &Hub, lease: &Lease, waiting_for: &str, retry_after: Duration) -> Result<()> {
    let mut tx = begin(hub, lease).await?;
    let run_at = tx.now() + TimeDelta::from_std(retry_after.min(MAX_BACK_OFF)).unwrap_or_default();
    tx.jobs().wait(lease, waiting_for, run_at).await?;
    if lease.kind == JobKind::RunTurn {
        tx.turns().hold(TurnId(lease.subject), Some(waiting_for)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// One more try, or none if there were too many.
async fn again(hub: &Hub, lease: &Lease, reason: &str, said: &str) -> (&'static str, Result<()>) {
    if lease.attempts + 1 >= hub.config.worker.max_attempts {
        ("dead", bury(hub, lease, reason, said).await)
    } else {
        ("retry", retry(hub, lease, reason).await)
    }
}

async fn retry(hub: &Hub, lease: &Lease, reason: &str) -> Result<()> {
    tracing::warn!(job.id = %lease.id, job.attempt = lease.attempts + 1, error = reason, "a job will be tried again");
    let mut tx = begin(hub, lease).await?;
    let doubled = FIRST_BACK_OFF.saturating_mul(1 << lease.attempts.clamp(0, 16));
    let run_at = tx.now() + TimeDelta::from_std(doubled.min(MAX_BACK_OFF)).unwrap_or_default();
    tx.jobs().retry(lease, reason, run_at).await?;
    if lease.kind == JobKind::RunTurn {
        tx.turns().hold(TurnId(lease.subject), None).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Gives a job up: `reason` for the operator, `said` for people.
async fn bury(hub: &Hub, lease: &Lease, reason: &str, said: &str) -> Result<()> {
    tracing::error!(job.id = %lease.id, error = reason, "a job is dead; it can be replayed");
    let mut tx = begin(hub, lease).await?;
    tx.jobs().bury(lease, reason).await?;
    match lease.kind {
        JobKind::RunTurn => turns::fail::give_up(&mut tx, TurnId(lease.subject), said).await?,
        JobKind::ExecuteAction => actions::execute::give_up(&mut tx, ActionId(lease.subject), said).await?,
    }
    tx.commit().await?;
    Ok(())
}

async fn begin(hub: &Hub, lease: &Lease) -> Result<Tx> {
    hub.db.begin(TxScope::WholeAgent(lease.agent), Actor::hub()).await
}
