//! Writes the signed log to the store: bundles and tiles first, then `checkpoint`, then the history's checkpoints.
//!
//! What is written follows from the log alone, so writing again gives the same bytes. A crash at any point is mended by the
//! next run, in this process or another; see `resume`. One publisher writes at a time, under a lease in the database, since a
//! slower one could put an older `checkpoint` over a newer; all other objects could be written by any number.

use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{
    breach::{AuditError, Breach, behind, check_signed, stored_head},
    checkpoint::{self, SignedHead},
    growth::{Growth, Object, PORTION, Publication},
    leaf::Leaf,
    merkle::TreeHead,
    resume::resume,
    tiles::ObjectName,
};
use crate::{
    adapters::worm::{Retention, WriteOnceStore},
    error::{Error, Result},
    hub::Hub,
    ids::fresh,
    storage::{Sizes, StoredLeaf},
};

/// Leaves read from the database at once.
const LEAVES: u64 = 1_024;
/// Objects written at once: waiting for a disk or a network is most of the work.
const WRITERS: usize = 8;
/// How long a process that died keeps others from writing. Longer than a portion takes.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// What a publisher remembers between two runs. It may be lost at any time.
#[derive(Debug)]
pub struct PublisherState {
    /// Under which it holds the lease, so that it can take up what it had to leave.
    id: Uuid,
    growth: Option<Growth>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The store has everything that is signed.
    All,
    /// A portion was written, and there is more.
    More,
    /// Another publisher is writing.
    Elsewhere,
}

impl Default for PublisherState {
    fn default() -> Self {
        let id = fresh();
        Self { id, growth: None }
    }
}

impl PublisherState {
    /// Whether the store has not been looked at since the process began or the last run failed.
    #[must_use]
    pub const fn is_cold(&self) -> bool {
        self.growth.is_none()
    }

    /// Looks whether the store still ends where it was published to. One that does not (a disk that hung, a copy that was put
    /// back) is cold from here on, so that the next run puts it right also where there is nothing new to write.
    pub async fn look_again(&mut self, hub: &Hub, store: &dyn WriteOnceStore) -> Result<(), AuditError> {
        // First what the store must have: it grows before the database is told, so it can only have more by then.
        let published = sizes(hub).await?.published;
        if stored_head(hub, store).await?.size < published {
            self.growth = None;
        }
        Ok(())
    }
}

/// Writes the next portion of the signed log to the store. May be dropped at any await.
pub async fn publish(
    hub: &Hub,
    store: &dyn WriteOnceStore,
    state: &mut PublisherState,
) -> Result<Published, AuditError> {
    // Taken, so that whatever ends this early leaves nothing half done behind.
    let growth = state.growth.take();
    let sizes = sizes(hub).await?;
    let is_known = growth
        .as_ref()
        .is_some_and(|known| known.head().size == sizes.published);
    if is_known && sizes.published == sizes.signed {
        state.growth = growth;
        return Ok(Published::All);
    }
    let Some(published) = lease(hub, state.id).await? else {
        return Ok(Published::Elsewhere);
    };
    match Box::pin(write(hub, store, (state.id, growth), published)).await {
        Ok(growth) => {
            let published = growth.head().size;
            finish(hub, state.id, growth.head()).await?;
            state.growth = Some(growth);
            Ok(if published < sizes.signed {
                Published::More
            } else {
                Published::All
            })
        }
        Err(error) => {
            // Should this fail, too, the lease ends by itself.
            drop(release(hub, state.id).await);
            Err(error)
        }
    }
}

/// How far the log has come; also told to the status.
pub(super) async fn sizes(hub: &Hub) -> Result<Sizes> {
    let mut tx = hub.db.begin_system().await?;
    let sizes = tx.audit().sizes().await?;
    hub.audit.sizes(tx.now(), sizes);
    Ok(sizes)
}

/// Writes everything between what the store has and the next signed head.
async fn write(
    hub: &Hub,
    store: &dyn WriteOnceStore,
    (id, growth): (Uuid, Option<Growth>),
    published: u64,
) -> Result<Growth, AuditError> {
    let stored = stored_head(hub, store).await?;
    if stored.size < published {
        tracing::warn!(
            audit.store_size = stored.size,
            audit.published_size = published,
            "the audit store's checkpoint is older than what was published; writing it anew"
        );
    }
    let mut growth = match growth.filter(|known| known.head() == stored && stored.size == published) {
        Some(known) => known,
        None => resume(hub, store, published.min(stored.size)).await?,
    };
    let Some(target) = next_head(hub, growth.head().size, stored).await? else {
        return Ok(growth);
    };
    grow(hub, &mut growth, &target, stored).await?;
    let Publication { objects, heads } = growth.publish();
    put_objects(store, objects).await?;
    if stored != target.head && stored.size <= target.head.size {
        renew(hub, id).await?;
        store.replace_checkpoint(target.note.as_bytes()).await?;
    }
    put_history(hub, store, &heads).await?;
    Ok(growth)
}

/// The signed head to publish next: the newest within a portion. None of an empty log.
async fn next_head(hub: &Hub, from: u64, stored: TreeHead) -> Result<Option<SignedHead>, AuditError> {
    let mut tx = hub.db.begin_system().await?;
    let newest = tx.audit().newest_head().await?;
    let size = newest.as_ref().map_or(0, |newest| newest.head.size);
    if stored.size.max(from) > size {
        return Err(behind(stored.size.max(from), size).into());
    }
    let kept = match size {
        _ if size <= from + PORTION => None,
        _ => tx.audit().head_after(from, PORTION).await?,
    };
    let target = kept.or(newest);
    if let Some(target) = &target {
        check_signed(hub, target)?;
    }
    Ok(target)
}

/// Appends the leaves up to the target, and passes the store's head only where both trees agree.
async fn grow(
    hub: &Hub,
    growth: &mut Growth,
    target: &SignedHead,
    stored: TreeHead,
) -> Result<(), AuditError> {
    let mut size = growth.head().size;
    agrees(growth, size, stored)?;
    while size < target.head.size {
        let to = target.head.size.min(size + LEAVES);
        let mut tx = hub.db.begin_system().await?;
        let leaves = tx.audit().leaves(size, to).await?;
        drop(tx);
        for leaf in &leaves {
            growth.append(rebuild(leaf, size)?);
            size += 1;
            agrees(growth, size, stored)?;
        }
        if size < to {
            return Err(Breach::NotAsSigned { size: to }.into());
        }
    }
    if growth.head() == target.head {
        Ok(())
    } else {
        Err(Breach::NotAsSigned { size }.into())
    }
}

fn agrees(growth: &Growth, size: u64, stored: TreeHead) -> Result<(), Breach> {
    if size == stored.size && growth.head() != stored {
        return Err(Breach::Forked { size });
    }
    Ok(())
}

/// The leaf as it was signed, or the entry that was changed.
pub(super) fn rebuild(stored: &StoredLeaf, log_index: u64) -> Result<Leaf, Breach> {
    let changed = || Breach::entry_changed(stored);
    let body = stored.body.as_ref().ok_or_else(changed)?;
    let leaf = Leaf::chain(body.as_bytes(), &stored.prev_hash);
    if leaf.hash == stored.hash && stored.log_index == log_index {
        Ok(leaf)
    } else {
        Err(changed())
    }
}

async fn put_objects(store: &dyn WriteOnceStore, objects: Vec<Object>) -> Result<(), AuditError> {
    let put = |Object { name, bytes }: Object| async move {
        store
            .put_new(&name.to_string(), &bytes, Retention::of(name))
            .await
    };
    stream::iter(objects)
        .map(put)
        .buffer_unordered(WRITERS)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(())
}

/// In rising order, one after the other: the newest says that all before it are there.
async fn put_history(hub: &Hub, store: &dyn WriteOnceStore, heads: &[TreeHead]) -> Result<(), AuditError> {
    for head in heads {
        let name = ObjectName::checkpoint(head.size);
        let note = checkpoint::sign(head, &hub.keys.audit);
        store
            .put_new(&name.to_string(), note.as_bytes(), Retention::of(name))
            .await?;
    }
    Ok(())
}

async fn lease(hub: &Hub, id: Uuid) -> Result<Option<u64>> {
    let mut tx = hub.db.begin_system().await?;
    let until = tx.now() + LEASE;
    let published = tx.audit().lease_store(id, until).await?;
    tx.commit().await?;
    Ok(published)
}

async fn renew(hub: &Hub, id: Uuid) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    let until = tx.now() + LEASE;
    let is_held = tx.audit().renew_store(id, until).await?;
    tx.commit().await?;
    held(is_held)
}

async fn release(hub: &Hub, id: Uuid) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    tx.audit().release_store(id).await?;
    tx.commit().await?;
    Ok(())
}

async fn finish(hub: &Hub, id: Uuid, head: TreeHead) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    let is_held = tx.audit().published(id, head.size).await?;
    if is_held && head.size > 0 {
        let signed = SignedHead::sign(head, &hub.keys.audit);
        tx.audit().keep_head(&signed).await?;
    }
    tx.commit().await?;
    held(is_held)
}

fn held(is_held: bool) -> Result<()> {
    if is_held {
        Ok(())
    } else {
        Err(Error::conflict(
            "lease_lost",
            "another publisher writes to the audit store now",
        ))
    }
}
