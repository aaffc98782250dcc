//! The relay: sends the ids of jobs that became runnable to the queue, after their commit and apart from it. What could not be
//! sent is dropped: the relay also looks for jobs that nobody came for, whatever the reason, and sends their ids again.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    adapters::queue::{BATCH, PROBE, Queue, QueueError, Way, count_messages},
    error::Result,
    hub::Hub,
    ids::JobId,
    storage::Ring,
};

/// Batches on their way at once: a call takes some 10 to 20 ms, so this is a few thousand ids a second.
const BATCHES_AT_ONCE: usize = 8;
/// How long the end of the process waits for the last ids, less than it gives its last tasks.
const LAST_IDS: Duration = Duration::from_secs(1);

/// Starts the relay of this process.
pub fn start(hub: &Hub, queue: &Arc<dyn Queue>) {
    hub.db.bell().fresh_jobs().collect();
    let (sender, to) = (hub.clone(), Arc::clone(queue));
    // To the end: what others finish at last may make jobs runnable.
    hub.lifecycle
        .spawn_last(async move { send_fresh(&sender, &*to).await });
    let (watcher, to) = (hub.clone(), Arc::clone(queue));
    hub.lifecycle.spawn(async move {
        let every = Duration::from_millis(watcher.config.queue.relay_ms);
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = watcher.lifecycle.closing() => return,
            }
            if let Err(error) = ring_again(&watcher, &*to).await {
                tracing::debug!(
                    error = error.chain(),
                    "jobs that nobody came for could not be looked for"
                );
            }
        }
    });
}

async fn send_fresh(hub: &Hub, queue: &dyn Queue) {
    let fresh = hub.db.bell().fresh_jobs();
    let too_late = async {
        hub.lifecycle.drained().await;
        tokio::time::sleep(LAST_IDS).await;
    };
    tokio::pin!(too_late);
    loop {
        // While a call is under way others gather: so batches form by themselves, and a lone id does not wait for company.
        let ids = tokio::select! {
            biased;
            ids = fresh.some() => ids,
            () = hub.lifecycle.drained() => return,
        };
        tokio::select! {
            () = send(hub, queue, &ids) => {}
            () = &mut too_late => return,
        }
    }
}

async fn send(hub: &Hub, queue: &dyn Queue, ids: &[JobId]) {
    if hub.queue.enter(Way::Sending, hub.clock.now()).is_err() {
        return count_messages("dropped", ids.len());
    }
    let texts = |batch: &[JobId]| batch.iter().map(JobId::to_string).collect();
    let batches: Vec<Vec<String>> = ids.chunks(BATCH).map(texts).collect();
    let mut sending = stream::iter(batches)
        .map(|batch| send_batch(queue, batch))
        .buffer_unordered(BATCHES_AT_ONCE);
    let mut told = 0;
    loop {
        match sending.try_next().await {
            Ok(Some(number)) => told += number,
            Ok(None) => return hub.queue.answered(Way::Sending),
            Err(error) => {
                hub.queue.failed(Way::Sending, hub.clock.now(), &error);
                return count_messages("dropped", ids.len() - told);
            }
        }
    }
}

/// Returns how many were dealt with: sent, or not taken and so dropped.
async fn send_batch(queue: &dyn Queue, batch: Vec<String>) -> Result<usize, QueueError> {
    let taken = queue.send(&batch).await?;
    count_messages("sent", taken);
    count_messages("dropped", batch.len().saturating_sub(taken));
    Ok(batch.len())
}

/// Rings for jobs that are runnable for a while: their message was lost, or came when their time had not come or their lane was
/// taken, or their holder was lost. Not while messages wait: then every worker is busy, and another message would only lie
/// there, too. The queue counts roughly and late, so that it can be wrong about this; then the workers' own poll finds the job.
async fn ring_again(hub: &Hub, queue: &dyn Queue) -> Result<()> {
    let late = TimeDelta::milliseconds(i64::try_from(hub.config.queue.relay_ms).unwrap_or(i64::MAX));
    let mut tx = hub.db.begin_system().await?;
    let since = tx.now() - late;
    let overdue = tx.jobs().runnable_since(since, BATCH).await?;
    drop(tx);
    if !overdue.is_empty() {
        hub.db.bell().ring_here([Ring::Jobs]);
    } else if !hub.queue.is_troubled(Way::Sending) {
        return Ok(());
    }
    if hub.queue.enter(Way::Sending, hub.clock.now()).is_err() {
        return Ok(());
    }
    if hub.queue.is_troubled(Way::Sending) {
        // Only what is sent shows that sending works again.
        match queue.send(&[PROBE.to_owned()]).await {
            Ok(_) => hub.queue.answered(Way::Sending),
            Err(error) => drop(hub.queue.failed(Way::Sending, hub.clock.now(), &error)),
        }
        return Ok(());
    }
    match queue.waiting().await {
        Ok(0) => hub.db.bell().fresh_jobs().add(overdue),
        Ok(_) => {}
        Err(error) => drop(hub.queue.failed(Way::Sending, hub.clock.now(), &error)),
    }
    Ok(())
}
