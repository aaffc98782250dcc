//! The ids of jobs that became runnable in this process, on their way to the queue. They gather after the commit, when there is
//! a relay to take them.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

use crate::{adapters::queue::count_messages, ids::JobId};

/// Ids that may wait. Beyond it they are dropped: the relay finds in the table what nobody came for.
const MOST: usize = 10_000;

/// The ids that wait to be sent.
#[derive(Debug, Default)]
pub struct FreshJobs {
    is_collected: AtomicBool,
    ids: Mutex<Vec<JobId>>,
    added: Notify,
}

impl FreshJobs {
    /// From now on somebody takes them.
    pub fn collect(&self) {
        self.is_collected.store(true, Ordering::Relaxed);
    }

    /// Adds some, where they are collected and there is room.
    pub fn add(&self, fresh: Vec<JobId>) {
        if fresh.is_empty() || !self.is_collected.load(Ordering::Relaxed) {
            return;
        }
        let mut ids = self.ids();
        let room = MOST - ids.len();
        let dropped = fresh.len().saturating_sub(room);
        ids.extend(fresh.into_iter().take(room));
        drop(ids);
        if dropped > 0 {
            count_messages("dropped", dropped);
        }
        self.added.notify_one();
    }

    /// All that wait, as soon as there are some.
    pub async fn some(&self) -> Vec<JobId> {
        loop {
            let ids = std::mem::take(&mut *self.ids());
            if !ids.is_empty() {
                return ids;
            }
            self.added.notified().await;
        }
    }

    fn ids(&self) -> MutexGuard<'_, Vec<JobId>> {
        // Nothing panics while it is held.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn no_more_gather_than_there_is_room_for() {
        let fresh = FreshJobs::default();
        let ids = |count| std::iter::repeat_with(JobId::mint).take(count).collect();
        fresh.add(ids(3));
        assert!(fresh.some().now_or_never().is_none(), "nobody collects them");
        fresh.collect();
        fresh.add(ids(MOST - 1));
        fresh.add(ids(3));
        fresh.add(ids(3));
        assert_eq!(fresh.some().await.len(), MOST);
        assert!(fresh.some().now_or_never().is_none());
    }
}
