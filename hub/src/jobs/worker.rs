//! The worker: claims a job, works without holding a transaction while it renews its lease, and ends the job in one that
//! checks the fencing token.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tracing::{Instrument, Span};

use super::{Failure, JobKind, fail::fail, renew};
use crate::{
    actions,
    error::{Error, Result},
    hub::Hub,
    memory,
    storage::{Lease, Ring},
    telemetry::{metric, trace},
    turns,
};

/// Leases of one job that may end without a word from who held them. A deploy, a power cut or a neighbour's crash loses one or
/// two; a job that has outlived five of its workers is what kills them.
const MAX_LOST_LEASES: i32 = 5;

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
            Ok(false) => {
                let rest = hub.idle.rest();
                tokio::select! {
                    () = bell.rung_or_after(poll_of(&hub)) => {}
                    () = rest.called() => {}
                    () = hub.lifecycle.closing() => {}
                }
            }
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

/// How often an idle worker reads the table: seldom while it is the queue's to wake it.
fn poll_of(hub: &Hub) -> Duration {
    Duration::from_millis(if hub.queue.is_well() {
        hub.config.queue.poll_ms
    } else {
        hub.config.worker.poll_ms
    })
}

/// Claims and runs one job. False when none was runnable, true when it is worth asking again.
pub async fn run_next(hub: &Hub) -> Result<bool> {
    let mut tx = hub.db.begin_system().await?;
    let lease = match tx.jobs().claim(renew::life(hub)).await {
        Ok(Some(lease)) => lease,
        Ok(None) => return Ok(false),
        // Not idle: there may be work in another lane.
        Err(Error::Conflict {
            code: "lane_taken", ..
        }) => return Ok(true),
        Err(error) => return Err(error),
    };
    tx.commit().await?;
    work_on(hub, &lease).instrument(span(&lease)).await;
    Ok(true)
}

fn span(lease: &Lease) -> Span {
    let kind = lease.kind.as_str();
    let (id, agent, story) = (lease.id.0, lease.agent.0, lease.trace_context.as_deref());
    let span = trace::job(kind, id, agent, lease.lost_leases, story);
    let subject = match lease.kind {
        JobKind::RunTurn => Some("turn.id"),
        JobKind::ExecuteAction => Some("action.id"),
        // It is about all that wait.
        JobKind::EmbedMemories => None,
    };
    if let Some(subject) = subject {
        span.record(subject, tracing::field::display(lease.subject));
    }
    span
}

/// From the claim to the line in the log.
async fn work_on(hub: &Hub, lease: &Lease) {
    let started = Instant::now();
    let ended = hold(hub, lease).await;
    let seconds = started.elapsed().as_secs_f64();
    metrics::histogram!(metric::JOB_SECONDS, "kind" => lease.kind.as_str()).record(seconds);
    let outcome = match ended {
        Ok(()) => "done",
        Err(failure) => fail(hub, lease, failure).await,
    };
    trace::ended(outcome);
    metrics::counter!(metric::JOBS, "kind" => lease.kind.as_str(), "outcome" => outcome).increment(1);
    tracing::info!(
        agent.id = %lease.agent, job.id = %lease.id, job.kind = lease.kind.as_str(), job.subject = %lease.subject,
        job.outcome = outcome, duration_ms = seconds * 1000.0, "job"
    );
}

/// Works on a job until it ends, panics, is another worker's or the process ends. In the last two cases the work is dropped at
/// its next await: what it had not committed is undone, and whoever has the job then begins anew.
async fn hold(hub: &Hub, lease: &Lease) -> Result<(), Failure> {
    if lease.lost_leases >= MAX_LOST_LEASES {
        let reason = format!("its worker was lost {} times", lease.lost_leases);
        return Err(Failure::Dead { reason });
    }
    tokio::select! {
        ended = AssertUnwindSafe(run(hub, lease)).catch_unwind() => {
            ended.unwrap_or_else(|_| Err(Failure::Broken { chain: "the job panicked".to_owned() }))
        }
        () = renew::until_lost(hub, lease) => Err(Failure::Lost),
        () = hub.lifecycle.cancelled() => Err(Failure::Wait {
            waiting_for: "a restart".to_owned(),
            retry_after: Duration::ZERO,
        }),
    }
}

async fn run(hub: &Hub, lease: &Lease) -> Result<(), Failure> {
    match lease.kind {
        JobKind::RunTurn => Box::pin(turns::run::run(hub, lease)).await,
        JobKind::ExecuteAction => Box::pin(actions::execute::execute(hub, lease)).await,
        JobKind::EmbedMemories => Box::pin(memory::embed::embed(hub, lease)).await,
    }
}
