//! The sweeps: what happens because time has passed. Every process may run them; each write checks its row again.

use std::time::Duration;

use chrono::Duration as TimeDelta;

use super::{expire::expire_content, sample::sample};
use crate::{actions, artifacts, devices, error::Result, hub::Hub, mailbox, memory, pairings, recognition};

/// How often deadlines are looked at.
const DEADLINES: Duration = Duration::from_secs(1);
/// Every how many looks at the deadlines old rows are removed, and missing embeddings looked for.
const REMOVE_EVERY: u32 = 60;
/// Every how many looks at the deadlines what waits is counted: an alarm looks once a minute.
const SAMPLE_EVERY: u32 = 5;
/// How long done jobs are kept for an operator to look at.
const KEEP_DONE: TimeDelta = TimeDelta::days(7);
/// How long what a turn said while it ran can be read again (DESIGN 10).
const KEEP_STREAMS: TimeDelta = TimeDelta::hours(24);
/// How long credentials, sign-ins and invitations are kept after they ended: a refresh token that is shown late is still known.
const KEEP_TOKENS: TimeDelta = TimeDelta::days(30);
/// Rows removed at once.
const BATCH: i64 = 1_000;
/// Heartbeats a connection may miss before its node counts as gone.
const MISSED: i32 = 3;

/// Starts the sweeps of this process.
pub fn start(hub: &Hub) {
    let hub = hub.clone();
    hub.lifecycle.clone().spawn(async move {
        let mut round: u32 = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(DEADLINES) => {}
                () = hub.lifecycle.closing() => return,
            }
            if let Err(error) = sweep(&hub, round).await {
                tracing::warn!(error = error.chain(), "a sweep failed and will run again");
            }
            round = round.wrapping_add(1);
        }
    });
}

async fn sweep(hub: &Hub, round: u32) -> Result<()> {
    end_overdue(hub).await?;
    if round.is_multiple_of(SAMPLE_EVERY)
        && let Err(error) = sample(hub).await
    {
        // Nothing else depends on it.
        tracing::warn!(error = error.chain(), "what waits could not be counted");
    }
    if round.is_multiple_of(REMOVE_EVERY) {
        remove_old(hub).await?;
        if let Err(error) = artifacts::sweep::sweep(hub).await {
            // Nothing else depends on it.
            tracing::warn!(error = error.chain(), "artifacts could not be swept");
        }
        memory::backfill::backfill(hub).await?;
    }
    Ok(())
}

/// Ends what has missed its deadline: commands, proposals, connections of nodes that are gone, devices that never came for
/// their credential.
pub async fn end_overdue(hub: &Hub) -> Result<()> {
    mailbox::expire::expire_overdue(hub).await?;
    actions::expire::expire_overdue(hub).await?;
    let heartbeat = i64::try_from(hub.config.satellite.heartbeat_ms).unwrap_or(i64::MAX);
    let silent_since = hub.clock.now() - TimeDelta::milliseconds(heartbeat) * MISSED;
    devices::age::age_out(hub, silent_since).await?;
    pairings::expire::expire_overdue(hub).await?;
    recognition::age::age_out(hub).await?;
    Ok(())
}

/// Removes what was kept long enough: what hangs on consents that have ended, and content, which the audit log tells of; and without
/// an entry what is said elsewhere or says nothing more: suggestions that nobody decided, done jobs, idempotency answers, streams,
/// pairings, credentials, sign-ins and invitations that ended.
pub async fn remove_old(hub: &Hub) -> Result<()> {
    recognition::age::erase_expired(hub).await?;
    if let Err(error) = expire_content(hub).await {
        // Nothing else depends on it.
        tracing::warn!(
            error = error.chain(),
            "what was kept long enough could not be looked for"
        );
    }
    while !hub.lifecycle.is_closing() && recognition::age::purge_open(hub).await? > 0 {}
    while !hub.lifecycle.is_closing() && remove_some(hub).await? > 0 {}
    Ok(())
}

/// One round; how many rows it removed.
async fn remove_some(hub: &Hub) -> Result<u64> {
    let mut tx = hub.db.begin_system().await?;
    let before = tx.now() - KEEP_DONE;
    let mut removed = tx.jobs().purge(before, BATCH).await?;
    removed += tx.idempotency().purge(BATCH).await?;
    let before = tx.now() - KEEP_STREAMS;
    removed += tx.turn_stream().purge(before, BATCH).await?;
    removed += tx.pairings().purge(BATCH).await?;
    removed += tx.shadows().purge(BATCH).await?;
    let before = tx.now() - KEEP_TOKENS;
    removed += tx.identity().purge_tokens(before, BATCH).await?;
    removed += tx.identity().purge_sign_ins(before, BATCH).await?;
    removed += tx.identity().purge_invitations(before, BATCH).await?;
    removed += tx.delegations().purge(before, BATCH).await?;
    tx.commit().await?;
    Ok(removed)
}
