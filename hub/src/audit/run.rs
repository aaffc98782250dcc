//! Keeps the audit log going: one task sequences what was committed, another writes the signed log to the store.
//!
//! Any number of processes may run both; one of them at a time does the work. Both are last tasks of the process: they end
//! after everything else has, so that a clean end leaves nothing outside the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    breach::AuditError,
    pace::{Every, Pace},
    publish::{self, Published, PublisherState, publish},
    sequence::{BATCH, sequence},
    status::{Part, Trouble},
    tiles::TILE_WIDTH,
};
use crate::{adapters::worm::WriteOnceStore, error::Result, hub::Hub, storage::Ring};

/// How long entries gather after the first: a batch costs five statements and a signature whatever its size.
const GATHER: Duration = Duration::from_millis(100);
/// How often the heads are compared when no bell rings. With the gathering, an entry is signed within a second.
const POLL: Duration = Duration::from_millis(500);
/// How long to wait after a failure.
const RETRY: Duration = Duration::from_secs(2);
/// How often the store is asked what protects it, and is rid of what was superseded long ago.
const TIDY: Duration = Duration::from_hours(1);
/// How often an idle publisher looks whether the store still ends where it should: one small object a minute.
const LOOK: Duration = Duration::from_mins(1);
/// How long the last publication waits for another process to end its own.
const TURN: Duration = Duration::from_millis(50);

/// Starts sequencing and publishing in this process.
pub fn start(hub: &Hub, store: Arc<dyn WriteOnceStore>) {
    let is_sequenced = CancellationToken::new();
    let has_bundle = Arc::new(Notify::new());
    let sequencer = run_sequencer(hub.clone(), is_sequenced.clone(), Arc::clone(&has_bundle));
    hub.lifecycle.spawn_last(sequencer);
    let publisher = Publisher {
        hub: hub.clone(),
        store,
        state: PublisherState::default(),
        pace: Pace::new(Instant::now()),
        look: Every::new(LOOK),
        tidy: Every::new(TIDY),
        has_bundle,
        is_sequenced,
    };
    hub.lifecycle.spawn_last(publisher.run());
}

/// Sequences everything that waits, however many batches it takes.
pub async fn sequence_all(hub: &Hub) -> Result<usize> {
    let mut total = 0;
    loop {
        let count = sequence(hub).await?;
        total += count;
        if count < BATCH {
            return Ok(total);
        }
    }
}

/// Publishes everything that is signed, unless another process is about it.
pub async fn publish_all(
    hub: &Hub,
    store: &dyn WriteOnceStore,
    state: &mut PublisherState,
) -> Result<Published, AuditError> {
    loop {
        let published = publish(hub, store, state).await?;
        if published != Published::More {
            publish::sizes(hub).await?;
            return Ok(published);
        }
    }
}

async fn run_sequencer(hub: Hub, is_sequenced: CancellationToken, has_bundle: Arc<Notify>) {
    // Even a panic must not leave the publisher waiting.
    let _told_at_the_end = is_sequenced.drop_guard();
    let bell = hub.db.bell().listen(Ring::Audit);
    let mut gathered = 0;
    loop {
        let done = sequence_all(&hub).await;
        gathered += done.as_ref().copied().unwrap_or(0);
        if gathered >= usize::from(TILE_WIDTH) {
            has_bundle.notify_one();
            gathered = 0;
        }
        hub.audit
            .tell(Part::Sequencer, done.as_ref().err().map(Trouble::from));
        let pause = async {
            match done {
                Ok(_) => bell.rung_or_after(POLL).await,
                Err(_) => tokio::time::sleep(RETRY).await,
            }
            tokio::time::sleep(GATHER).await;
        };
        tokio::select! {
            () = pause => {}
            () = hub.lifecycle.drained() => break,
        }
    }
    let last = sequence_all(&hub).await;
    hub.audit
        .tell(Part::Sequencer, last.as_ref().err().map(Trouble::from));
}

struct Publisher {
    hub: Hub,
    store: Arc<dyn WriteOnceStore>,
    state: PublisherState,
    pace: Pace,
    look: Every,
    tidy: Every,
    /// Rung when a bundle or more was sequenced.
    has_bundle: Arc<Notify>,
    /// Told when the sequencer has ended.
    is_sequenced: CancellationToken,
}

impl Publisher {
    async fn run(mut self) {
        let every = self.hub.config.audit.publish_every();
        loop {
            let done = self.publish_due().await;
            self.hub.audit.tell_store(self.store.describe());
            self.hub
                .audit
                .tell(Part::Publisher, done.as_ref().err().map(Trouble::from));
            let pause = match done {
                Ok(()) => every,
                // Not one object more. The process goes on, and readiness says it.
                Err(AuditError::Breach(_)) => return,
                Err(AuditError::Store(_) | AuditError::Refused(_) | AuditError::Database(_)) => {
                    every.max(RETRY)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.has_bundle.notified() => {}
                () = self.is_sequenced.cancelled() => break,
            }
        }
        let last = self.publish_last().await;
        self.hub
            .audit
            .tell(Part::Publisher, last.as_ref().err().map(Trouble::from));
    }

    async fn publish_due(&mut self) -> Result<(), AuditError> {
        self.look().await?;
        let sizes = publish::sizes(&self.hub).await?;
        let unpublished = sizes.signed.saturating_sub(sizes.published);
        let is_due = self.state.is_cold()
            || unpublished >= u64::from(TILE_WIDTH)
            || (unpublished > 0 && self.pace.take(Instant::now()));
        if is_due {
            publish_all(&self.hub, &*self.store, &mut self.state).await?;
        }
        self.tidy().await
    }

    async fn publish_last(&mut self) -> Result<(), AuditError> {
        while publish_all(&self.hub, &*self.store, &mut self.state).await? == Published::Elsewhere {
            tokio::time::sleep(TURN).await;
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<(), AuditError> {
        let now = Instant::now();
        // A cold one looks anyway.
        if self.state.is_cold() || !self.look.is_due(now) {
            return Ok(());
        }
        self.state.look_again(&self.hub, &*self.store).await?;
        self.look.done(now);
        Ok(())
    }

    /// Looks again at what protects the store, and removes what was superseded. Only from a store that was just found in
    /// order.
    async fn tidy(&mut self) -> Result<(), AuditError> {
        let now = Instant::now();
        if self.state.is_cold() || !self.tidy.is_due(now) {
            return Ok(());
        }
        self.store.probe().await?;
        let swept = self.store.sweep(self.hub.clock.now()).await?;
        tracing::debug!(
            audit.swept = swept,
            "superseded objects were removed from the audit store"
        );
        self.tidy.done(now);
        Ok(())
    }
}
