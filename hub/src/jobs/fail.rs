//! Writing down that a job did not end well, under its lease: it waits, is tried again, or is given up.

use std::time::Duration;

use chrono::Duration as TimeDelta;

use super::{Failure, JobKind};
use crate::{
    actions,
    backoff::doubled,
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    ids::{ActionId, TurnId},
    storage::{Lease, Tx, TxScope},
    turns,
};

/// The longest wait between two tries.
const MAX_BACK_OFF: Duration = Duration::from_mins(5);
/// The wait after the first failed try; it doubles from there.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
/// How often a failure is written again while the database is away: as soon as anybody could claim a job there.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// Writes a failure down. While the database is away it is tried again: whoever lives to say what came of a job was not
/// lost. Should the process end before, the lease ends by itself and the job is claimed again.
pub(super) async fn fail(hub: &Hub, lease: &Lease, failure: Failure) -> &'static str {
    loop {
        let (outcome, written) = write_down(hub, lease, &failure).await;
        match written {
            Ok(()) => return outcome,
            Err(Error::Conflict {
                code: "lease_lost", ..
            }) => return "lost",
            Err(error) => {
                tracing::warn!(job.id = %lease.id, error = error.chain(), "a failure could not be written down");
                if !error.is_outage() {
                    return outcome;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(WRITE_AGAIN) => {}
            () = hub.lifecycle.cancelled() => return outcome,
        }
    }
}

async fn write_down(hub: &Hub, lease: &Lease, failure: &Failure) -> (&'static str, Result<()>) {
    match failure {
        Failure::Lost => ("lost", Ok(())),
        Failure::Wait {
            waiting_for,
            retry_after,
        } => ("waiting", wait(hub, lease, waiting_for, *retry_after).await),
        Failure::Dead { reason } => ("dead", bury(hub, lease, Why::of(reason)).await),
        Failure::Retry { reason } => again(hub, lease, Why::of(reason)).await,
        Failure::Broken { chain } => again(hub, lease, Why::broken(chain)).await,
    }
}

/// Why a job did not end well, as each is told.
#[derive(Debug, Clone, Copy)]
struct Why<'a> {
    /// In the row of the job.
    kept: &'a str,
    /// To people.
    said: &'a str,
    /// In the log, which nobody forgets: what a model wrote, and an input, can be in the words of the others.
    logged: &'a str,
}

impl<'a> Why<'a> {
    const fn of(reason: &'a str) -> Self {
        Self {
            kept: reason,
            said: reason,
            logged: "by what it worked on: GET …/dead-jobs says why, once it is dead",
        }
    }

    const fn broken(chain: &'a str) -> Self {
        Self {
            kept: chain,
            said: "something broke inside the hub",
            logged: chain,
        }
    }
}

async fn wait(hub: &Hub, lease: &Lease, waiting_for: &str, retry_after: Duration) -> Result<()> {
    let mut tx = begin(hub, lease).await?;
    let run_at = tx.now() + TimeDelta::from_std(retry_after.min(MAX_BACK_OFF)).unwrap_or_default();
    tx.jobs().wait(lease, waiting_for, run_at).await?;
    put_off(&mut tx, lease, Some(waiting_for)).await?;
    tx.commit().await?;
    Ok(())
}

/// A job's turn waits for the next try. What this one said is not its answer, and is not kept until then.
async fn put_off(tx: &mut Tx, lease: &Lease, waiting_for: Option<&str>) -> Result<()> {
    if lease.kind != JobKind::RunTurn {
        return Ok(());
    }
    let turn = TurnId(lease.subject);
    tx.turns().hold(turn, waiting_for).await?;
    if let Some(row) = tx.turns().row(turn).await? {
        tx.turn_stream().restart(turn, row.audience).await?;
    }
    Ok(())
}

/// One more try, or none if there were too many.
async fn again(hub: &Hub, lease: &Lease, why: Why<'_>) -> (&'static str, Result<()>) {
    if lease.attempts + 1 >= hub.config.worker.max_attempts {
        ("dead", bury(hub, lease, why).await)
    } else {
        ("retry", retry(hub, lease, why).await)
    }
}

async fn retry(hub: &Hub, lease: &Lease, why: Why<'_>) -> Result<()> {
    tracing::warn!(job.id = %lease.id, job.attempt = lease.attempts + 1, error = why.logged, "a job will be tried again");
    let mut tx = begin(hub, lease).await?;
    let failures = u32::try_from(lease.attempts).unwrap_or_default();
    let wait = doubled(FIRST_BACK_OFF, failures, MAX_BACK_OFF);
    let run_at = tx.now() + TimeDelta::from_std(wait).unwrap_or_default();
    tx.jobs().retry(lease, why.kept, run_at).await?;
    put_off(&mut tx, lease, None).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives a job up.
async fn bury(hub: &Hub, lease: &Lease, why: Why<'_>) -> Result<()> {
    tracing::error!(job.id = %lease.id, error = why.logged, "a job is dead; it can be replayed");
    let mut tx = begin(hub, lease).await?;
    tx.jobs().bury(lease, why.kept).await?;
    match lease.kind {
        JobKind::RunTurn => turns::fail::give_up(&mut tx, TurnId(lease.subject), why.said).await?,
        JobKind::ExecuteAction => {
            actions::execute::give_up(&mut tx, ActionId(lease.subject), why.said).await?;
        }
        // What is missing stays missing, and is looked at again.
        JobKind::EmbedMemories => {}
    }
    tx.commit().await?;
    Ok(())
}

async fn begin(hub: &Hub, lease: &Lease) -> Result<Tx> {
    hub.db.begin(TxScope::WholeAgent(lease.agent), Actor::hub()).await
}
