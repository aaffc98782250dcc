//! The scrub: some time after something was forgotten, the tables that held it are written anew, so that it is gone from the disk,
//! too. One process does it at a time, for all agents. Each table that is done is noted, so that whoever comes after one that was
//! interrupted, or met a table that was in use, goes on from there.

use std::time::Duration;

use chrono::Duration as TimeDelta;

use crate::{
    backoff::doubled,
    error::{Error, Result},
    hub::Hub,
    storage::{PROBE, TABLES},
};

/// How often it is looked whether there is something to scrub.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// And after tries that came to nothing, each of which may have kept others from tables for a while.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_hours(2);
/// How often the probe is looked at before the scrub is put off. A transaction of another database of the same server counts, too, and
/// most are over in a moment.
const LOOKS_BACK: u32 = 20;
/// Between two of these.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// Beyond the time that tables may take: how long a process that has vanished keeps others from it.
const GRACE: TimeDelta = TimeDelta::minutes(5);

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scrubbed {
    /// Nothing is due.
    Nothing,
    /// Another process is at it.
    Elsewhere,
    /// So many erasures are off the disk.
    Done {
        /// How many.
        erasures: u64,
        /// Whether the write-ahead log was turned over, too.
        wal: bool,
    },
}

/// Starts the looks of this process.
pub fn start(hub: &Hub) {
    let hub = hub.clone();
    hub.lifecycle.clone().spawn(async move {
        let mut failed = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(doubled(LOOK_EVERY, failed, LOOK_AT_LEAST_EVERY)) => {}
                () = hub.lifecycle.closing() => return,
            }
            let done = tokio::select! {
                done = scrub(&hub) => done,
                // What was done of it stays done.
                () = hub.lifecycle.cancelled() => return,
            };
            failed = if done.is_err() { failed + 1 } else { 0 };
            match done {
                Ok(Scrubbed::Nothing | Scrubbed::Elsewhere) => {}
                Ok(Scrubbed::Done { erasures, wal }) => {
                    tracing::info!(
                        erasures,
                        wal.turned_over = wal,
                        "what was forgotten is off the disk"
                    );
                }
                Err(error) => {
                    // Nobody asked for it: the words are the hub's own.
                    tracing::warn!(
                        error = error.in_full(),
                        "the scrub came to nothing and will be tried again"
                    );
                }
            }
        }
    });
}

/// Scrubs if something is due.
pub async fn scrub(hub: &Hub) -> Result<Scrubbed> {
    let mut tx = hub.db.begin_system().await?;
    let (waiting, _) = tx.erasures().waiting().await?;
    let after = TimeDelta::seconds(hub.config.retention.scrub_after_s.try_into().unwrap_or(i64::MAX));
    if waiting.since.is_none_or(|since| since > tx.now() - after) {
        return Ok(Scrubbed::Nothing);
    }
    drop(tx);
    let limit = limit(hub);
    if !lease(hub, limit).await? {
        return Ok(Scrubbed::Elsewhere);
    }
    let done = carry_out(hub, limit).await;
    let problem = done.as_ref().err().map(Error::in_full);
    let mut tx = hub.db.begin_system().await?;
    tx.erasures().release_scrub(hub.node, problem.as_deref()).await?;
    tx.commit().await?;
    done
}

/// Takes the scrub for as long as one table may take, or goes on having it; false where another process has it.
async fn lease(hub: &Hub, limit: Duration) -> Result<bool> {
    let mut tx = hub.db.begin_system().await?;
    let most = TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX);
    let until = tx.now() + most + GRACE;
    let is_ours = tx.erasures().lease_scrub(hub.node, until).await?;
    tx.commit().await?;
    Ok(is_ours)
}

fn limit(hub: &Hub) -> Duration {
    Duration::from_secs(hub.config.retention.scrub_limit_s)
}

async fn carry_out(hub: &Hub, limit: Duration) -> Result<Scrubbed> {
    // What is forgotten from here on is for the next time.
    let mut tx = hub.db.begin_system().await?;
    let round = tx.erasures().scrub_round().await?;
    tx.commit().await?;
    let Some(round) = round else {
        return Ok(Scrubbed::Nothing);
    };
    if !nobody_looks_back(hub, limit).await? {
        let what = "a transaction that began before may still read what was forgotten";
        return Err(Error::conflict("still_read", what));
    }
    for table in TABLES {
        if round.written.iter().any(|done| done == table) {
            continue;
        }
        if !lease(hub, limit).await? {
            return Ok(Scrubbed::Elsewhere);
        }
        rewrite(hub, table, limit).await?;
    }
    let wal = hub.db.turn_over_wal().await?;
    let mut tx = hub.db.begin_system().await?;
    let word = if wal { "turned_over" } else { "left" };
    let erasures = tx.erasures().scrubbed(&round.erasures, word).await?;
    tx.commit().await?;
    Ok(Scrubbed::Done { erasures, wal })
}

/// Whether nobody can see any more what was deleted before now: else it would be written anew with the rest.
async fn nobody_looks_back(hub: &Hub, limit: Duration) -> Result<bool> {
    let mut tx = hub.db.begin_system().await?;
    tx.erasures().put_probe().await?;
    tx.commit().await?;
    let mut tx = hub.db.begin_system().await?;
    tx.erasures().take_probe().await?;
    tx.commit().await?;
    for _ in 0..LOOKS_BACK {
        if rewrite(hub, PROBE, limit).await? {
            return Ok(true);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(false)
}

/// Each table in a unit of work of its own, so that it is free again as soon as it can be.
async fn rewrite(hub: &Hub, table: &str, limit: Duration) -> Result<bool> {
    let mut tx = hub.db.begin_system().await?;
    let is_empty = tx.erasures().rewrite(table, limit).await?;
    if table != PROBE {
        tx.erasures().written(table).await?;
    }
    tx.commit().await?;
    Ok(is_empty)
}
