//! Takes messages from the queue for workers that have nothing to do, deletes them at once and calls the workers. The message
//! says which job; what is done, the table decides. So a message that is doubled, forged or out of date costs a look.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use crate::{
    adapters::queue::{BATCH, Message, PROBE, Queue, QueueError, Way, count_messages},
    hub::Hub,
    storage::Ring,
};

/// How long a call waits for a message: the longest that SQS allows, so that an idle hub asks seldom.
const LONG_POLL: Duration = Duration::from_secs(20);
/// How often it is asked whether the queue may be tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often the dead-letter queue is counted: it is a signal for people.
const DEAD_LETTERS_EVERY: Duration = Duration::from_mins(1);

/// Starts receiving in this process, which has workers.
pub fn start(hub: &Hub, queue: &Arc<dyn Queue>) {
    let (receiver, from) = (hub.clone(), Arc::clone(queue));
    hub.lifecycle.spawn(async move {
        // What is on its way then comes again, to another process.
        tokio::select! {
            () = receive_on(&receiver, &*from) => {}
            () = receiver.lifecycle.closing() => {}
        }
    });
    let (counter, from) = (hub.clone(), Arc::clone(queue));
    hub.lifecycle.spawn(async move {
        tokio::select! {
            () = count_on(&counter, &*from) => {}
            () = counter.lifecycle.closing() => {}
        }
    });
}

async fn receive_on(hub: &Hub, queue: &dyn Queue) {
    loop {
        let most = hub.idle.someone().await.min(BATCH);
        if let Err(wait) = hub.queue.enter(Way::Receiving, hub.clock.now()) {
            tokio::time::sleep(wait.min(LOOK_AGAIN)).await;
            continue;
        }
        // One that was away says at once that it is back.
        let patience = if hub.queue.is_troubled(Way::Receiving) {
            Duration::ZERO
        } else {
            LONG_POLL
        };
        match take(hub, queue, most, patience).await {
            Ok(()) => hub.queue.answered(Way::Receiving),
            Err(error) => {
                let wait = hub.queue.failed(Way::Receiving, hub.clock.now(), &error);
                // Those who rest went to it for as long as the queue would wake them.
                hub.db.bell().ring_here([Ring::Jobs]);
                tokio::time::sleep(wait.min(LOOK_AGAIN)).await;
            }
        }
    }
}

async fn take(hub: &Hub, queue: &dyn Queue, most: usize, patience: Duration) -> Result<(), QueueError> {
    let messages = queue.receive(most, patience).await?;
    if messages.is_empty() {
        return Ok(());
    }
    let ids = messages.iter().filter(|message| is_id(message)).count();
    let probes = messages.iter().filter(|message| message.body == PROBE).count();
    hub.idle.call(ids);
    count_messages("received", ids);
    count_messages("unreadable", messages.len() - ids - probes);
    queue.delete(&messages).await
}

/// Anybody who may send can have written it: it is not logged.
fn is_id(message: &Message) -> bool {
    Uuid::try_parse(&message.body).is_ok()
}

async fn count_on(hub: &Hub, queue: &dyn Queue) {
    loop {
        match queue.dead_letters().await {
            Ok(None) => return,
            Ok(Some(count)) => {
                if count > hub.queue.count_dead_letters(count) {
                    tracing::warn!(
                        queue.dead_letters = count,
                        "messages lie in the dead-letter queue: they were taken and never deleted; their jobs are not \
                         among the lost"
                    );
                }
            }
            Err(error) => {
                let advice = error.advice();
                tracing::warn!(%error, "the dead-letter queue could not be counted{advice}");
            }
        }
        tokio::time::sleep(DEAD_LETTERS_EVERY).await;
    }
}
