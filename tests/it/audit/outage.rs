//! The store is away: nothing blocks, nothing is lost.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use hub::{
    adapters::worm::{
        Deadline, Description, Retention, StoreError, Stored, WriteOnceDirectory, WriteOnceStore,
    },
    audit::{
        breach::{AuditError, check_not_behind},
        publish::{Published, PublisherState},
        run::{publish_all, sequence_all},
    },
    clock::{Clock, DateTime},
};
use support::TestHub;

use super::{agents, directory, everything_is_kept, keep, open_store, operate};

#[tokio::test]
async fn a_store_that_is_away_delays_and_never_blocks() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 2).await;
    let (store, mut state) = (open_store(&hub), PublisherState::default());
    operate(&hub, agents[0], 5).await;
    sequence_all(&hub).await.unwrap();
    publish_all(&hub, &*store, &mut state).await.unwrap();

    let (place, aside) = (directory(&hub), hub.config.dir.join("aside"));
    fs::rename(&place, &aside).unwrap();
    for is_file in [false, true] {
        if is_file {
            fs::write(&place, "not a directory").unwrap();
        }
        operate(&hub, agents[1], 5).await;
        assert_eq!(sequence_all(&hub).await.unwrap(), 5);
        let refused = publish_all(&hub, &*store, &mut state).await;
        assert!(matches!(refused, Err(AuditError::Store(_))), "{refused:?}");
    }
    assert_eq!(hub.audit.report().unpublished_entries, 10);

    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    assert_eq!(
        publish_all(&hub, &*store, &mut state).await.unwrap(),
        Published::All
    );
    assert_eq!(hub.audit.report().unpublished_entries, 0);
    everything_is_kept(&hub, &*store).await;
}

#[tokio::test]
async fn a_store_that_lost_its_end_gets_it_again() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let store = open_store(&hub);
    operate(&hub, agents[0], 5).await;
    keep(&hub, &*store).await.unwrap();
    let old = fs::read(directory(&hub).join("checkpoint")).unwrap();
    operate(&hub, agents[0], 5).await;
    keep(&hub, &*store).await.unwrap();
    // Somebody puts the old end back.
    fs::remove_file(directory(&hub).join("checkpoint")).unwrap();
    fs::write(directory(&hub).join("checkpoint"), old).unwrap();
    assert!(
        !hub::audit::verify::verify(&*store, hub.keys.audit.verifier(), &[])
            .unwrap()
            .is_whole()
    );
    keep(&hub, &*store).await.unwrap();
    everything_is_kept(&hub, &*store).await;
}

#[tokio::test]
async fn an_idle_publisher_notices_that_the_store_lost_its_end() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let (store, mut state) = (open_store(&hub), PublisherState::default());
    let checkpoint = directory(&hub).join("checkpoint");
    operate(&hub, agents[0], 5).await;
    sequence_all(&hub).await.unwrap();
    publish_all(&hub, &*store, &mut state).await.unwrap();
    let old = fs::read(&checkpoint).unwrap();
    operate(&hub, agents[0], 5).await;
    sequence_all(&hub).await.unwrap();
    publish_all(&hub, &*store, &mut state).await.unwrap();

    state.look_again(&hub, &*store).await.unwrap();
    assert!(!state.is_cold(), "all is as it was left");
    fs::remove_file(&checkpoint).unwrap();
    fs::write(&checkpoint, old).unwrap();
    state.look_again(&hub, &*store).await.unwrap();
    publish_all(&hub, &*store, &mut state).await.unwrap();
    everything_is_kept(&hub, &*store).await;
}

/// A store that hangs while it is told to, as a network disk does.
#[derive(Debug)]
struct Hanging {
    store: Arc<WriteOnceDirectory>,
    hangs: Arc<AtomicBool>,
}

impl Hanging {
    async fn store(&self) -> &WriteOnceDirectory {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        &self.store
    }
}

#[async_trait]
impl WriteOnceStore for Hanging {
    async fn put_new(&self, path: &str, bytes: &[u8], retention: Retention) -> Result<Stored, StoreError> {
        self.store().await.put_new(path, bytes, retention).await
    }

    async fn replace_checkpoint(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.store().await.replace_checkpoint(bytes).await
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store().await.get(path).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        WriteOnceStore::list(self.store().await, prefix).await
    }

    async fn sweep(&self, now: DateTime) -> Result<u64, StoreError> {
        self.store().await.sweep(now).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.store().await.probe().await
    }

    fn describe(&self) -> Description {
        self.store.describe()
    }
}

#[tokio::test]
async fn a_store_that_hangs_delays_and_never_blocks() {
    let hub = TestHub::start().await;
    let agents = agents(&hub, 1).await;
    let (directory, hangs) = (open_store(&hub), Arc::new(AtomicBool::new(true)));
    let hanging = Hanging {
        store: Arc::clone(&directory),
        hangs: Arc::clone(&hangs),
    };
    let (store, mut state) = (
        Deadline::within(hanging, Duration::from_millis(200)),
        PublisherState::default(),
    );
    operate(&hub, agents[0], 5).await;
    sequence_all(&hub).await.unwrap();
    operate(&hub, agents[0], 5).await;
    let begun = Instant::now();
    for refused in [
        check_not_behind(&hub, &store).await,
        publish_all(&hub, &store, &mut state).await.map(drop),
        store
            .sweep(hub.clock.now())
            .await
            .map(drop)
            .map_err(AuditError::from),
        store.list("").await.map(drop).map_err(AuditError::from),
    ] {
        let Err(AuditError::Store(error)) = refused else {
            panic!("{refused:?}")
        };
        assert!(error.to_string().contains("did not answer within"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(sequence_all(&hub).await.unwrap(), 5);
    hangs.store(false, Ordering::Relaxed);
    assert_eq!(
        publish_all(&hub, &store, &mut state).await.unwrap(),
        Published::All
    );
    everything_is_kept(&hub, &*directory).await;
}
