//! Sequencing and publishing may end at any await, as a process that is killed.

use std::{
    future::{Future, pending, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use async_trait::async_trait;
use hub::{
    adapters::worm::{Description, Retention, StoreError, Stored, WriteOnceStore},
    audit::{
        publish::{Published, PublisherState},
        run::{publish_all, sequence_all},
    },
    clock::DateTime,
    hub::Hub,
    turns::offline::Offline,
};
use rand::Rng;
use support::{Aws, Seeded, TestHub};
use tokio::sync::Notify;

use super::{agents, everything_is_kept, keep, open_store, operate_at_once, stores::bucket};

/// Polls a future at most so often, and then drops it wherever it is. Whether it ended by itself.
async fn polled_at_most<F: Future>(polls: usize, future: F) -> bool {
    let (mut future, mut left) = (Box::pin(future), polls);
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_off_anywhere_goes_on_whole() {
    let (hub, mut random) = (TestHub::start().await, Seeded::default());
    let agents = agents(&hub, 3).await;
    let store = open_store(&hub);
    let (mut cut, mut ended) = (0, 0);
    for _ in 0..120 {
        // What was killed cannot give its lease back.
        hub.clock.advance(chrono::Duration::minutes(1));
        let agent = agents[random.random_range(0..agents.len())];
        operate_at_once(&hub, agent, random.random_range(0..40)).await;
        let polls = 1 << random.random_range(0..10);
        let kept = polled_at_most(polls, async {
            sequence_all(&hub).await?;
            publish_all(&hub, &*store, &mut PublisherState::default()).await
        });
        if kept.await { ended += 1 } else { cut += 1 }
    }
    assert!(cut > 20 && ended > 5, "cut {cut} times, ended {ended} times");
    hub.clock.advance(chrono::Duration::minutes(1));
    assert_eq!(keep(&hub, &*store).await.unwrap(), Published::All);
    everything_is_kept(&hub, &*store).await;
}

/// The store of a process that dies at one of its accesses, before or after that has its effect.
#[derive(Debug)]
struct LastAccess {
    store: Arc<dyn WriteOnceStore>,
    left: AtomicUsize,
    has_effect: bool,
    died: Notify,
}

impl LastAccess {
    async fn access<T>(&self, access: impl Future<Output = T>) -> T {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 1 {
            return access.await;
        }
        if self.has_effect {
            access.await;
        }
        self.died.notify_one();
        pending().await
    }
}

#[async_trait]
impl WriteOnceStore for LastAccess {
    async fn put_new(&self, path: &str, bytes: &[u8], retention: Retention) -> Result<Stored, StoreError> {
        self.access(self.store.put_new(path, bytes, retention)).await
    }

    async fn replace_checkpoint(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.access(self.store.replace_checkpoint(bytes)).await
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.access(self.store.get(path)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.access(self.store.list(prefix)).await
    }

    async fn sweep(&self, now: DateTime) -> Result<u64, StoreError> {
        self.access(self.store.sweep(now)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.access(self.store.probe()).await
    }

    fn describe(&self) -> Description {
        self.store.describe()
    }
}

/// Publishes until the process dies. Whether it lived.
async fn publish_until_dead(
    process: &Hub,
    store: Arc<dyn WriteOnceStore>,
    accesses: usize,
    has_effect: bool,
) -> bool {
    let store = LastAccess {
        store,
        left: AtomicUsize::new(accesses),
        has_effect,
        died: Notify::new(),
    };
    let mut state = PublisherState::default();
    tokio::select! {
        published = publish_all(process, &store, &mut state) => published.is_ok(),
        () = store.died.notified() => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_died_at_any_object_is_finished_by_another_process() {
    let hub = TestHub::start().await;
    let store = open_store(&hub);
    die_at_any_object(&hub, store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_into_a_bucket_that_died_at_any_object_is_finished_by_another_process() {
    let hub = TestHub::start().await;
    let aws = Aws::stand_in().await;
    let address = aws.bucket(true).await;
    die_at_any_object(&hub, Arc::new(bucket(&aws, address))).await;
}

async fn die_at_any_object(hub: &TestHub, store: Arc<dyn WriteOnceStore>) {
    let other = hub.another_process(Offline);
    let agents = agents(hub, 1).await;
    let mut lived = [0, 0];
    for accesses in 1..24 {
        for has_effect in [false, true] {
            // Every publication completes a bundle.
            operate_at_once(hub, agents[0], 257).await;
            sequence_all(hub).await.unwrap();
            let is_alive = publish_until_dead(&other, Arc::clone(&store), accesses, has_effect).await;
            lived[usize::from(has_effect)] += usize::from(is_alive);
            hub.clock.advance(chrono::Duration::minutes(1));
            assert_eq!(keep(hub, &*store).await.unwrap(), Published::All);
        }
    }
    everything_is_kept(hub, &*store).await;
    assert!(
        lived.iter().all(|lived| (1..15).contains(lived)),
        "it lived {lived:?} times"
    );
}
