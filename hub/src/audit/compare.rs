//! Holds the database against the store, entry by entry: finds what was changed in the database after it was logged, which
//! a verification of the store alone cannot see.

use serde::Serialize;
use uuid::Uuid;

use super::{
    breach::{AuditError, check_not_behind, stored_head},
    publish::{rebuild, sizes},
    tiles::{ObjectName, Series, TILE_WIDTH, split_bundle},
};
use crate::{adapters::worm::WriteOnceStore, error::Result, hub::Hub, storage::StoredLeaf};

/// Differences that are told one by one; all are counted.
const TOLD: usize = 100;

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Signed entries that were looked at.
    pub entries: u64,
    /// Those of them that the store holds.
    pub stored_entries: u64,
    /// How many entries differ.
    pub different_entries: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// An entry that is not the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its place in the log.
    pub log_index: u64,
    /// Whose it is, where the database says it.
    pub agent_id: Option<Uuid>,
    /// Its number in the agent's chain.
    pub agent_seq: Option<i64>,
    /// What differs.
    pub kind: DifferenceKind,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The entry in the database is not the one that was signed.
    ChangedInDatabase,
    /// The database has no such entry.
    MissingInDatabase,
    /// The store has another entry than was signed.
    ChangedInStore,
    /// The store has no such entry.
    MissingInStore,
}

/// Compares every signed entry of the database with the store. Reads all of both: about a second for 20,000 entries.
pub async fn compare(hub: &Hub, store: &dyn WriteOnceStore) -> Result<Comparison, AuditError> {
    check_not_behind(hub, store).await?;
    let stored = stored_head(hub, store).await?.size;
    let signed = sizes(hub).await?.signed;
    let mut found = Comparison {
        entries: signed,
        stored_entries: stored,
        ..Comparison::default()
    };
    let width = u64::from(TILE_WIDTH);
    for index in 0..signed.div_ceil(width) {
        let (from, to) = (index * width, signed.min((index + 1) * width));
        let bundle = read_bundle(store, index, stored).await?;
        let bundle = bundle.as_deref().map(|bytes| split_bundle(bytes).0);
        let mut tx = hub.db.begin_system().await?;
        let leaves = tx.audit().leaves(from, to).await?;
        drop(tx);
        let mut leaves = leaves.into_iter().peekable();
        for log_index in from..to {
            let leaf = leaves.next_if(|leaf| leaf.log_index == log_index);
            let place = usize::try_from(log_index - from).unwrap_or(usize::MAX);
            let copy = bundle.as_ref().and_then(|leaves| leaves.get(place).copied());
            let copy = match copy {
                Some(bytes) => InStore::Leaf(bytes),
                None if log_index < stored => InStore::Missing,
                None => InStore::NotYet,
            };
            found.note(log_index, leaf.as_ref(), copy);
        }
    }
    Ok(found)
}

impl Comparison {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.different_entries == 0
    }

    fn note(&mut self, log_index: u64, leaf: Option<&StoredLeaf>, copy: InStore<'_>) {
        let Some(kind) = difference(log_index, leaf, copy) else {
            return;
        };
        self.different_entries += 1;
        if self.differences.len() < TOLD {
            self.differences.push(Difference {
                log_index,
                agent_id: leaf.map(|leaf| leaf.agent.0),
                agent_seq: leaf.map(|leaf| leaf.agent_seq),
                kind,
            });
        }
    }
}

/// What the store has in an entry's place.
enum InStore<'a> {
    /// Nothing yet, since the entry was not published.
    NotYet,
    /// Nothing, though it was.
    Missing,
    /// A leaf.
    Leaf(&'a [u8]),
}

fn difference(log_index: u64, leaf: Option<&StoredLeaf>, copy: InStore<'_>) -> Option<DifferenceKind> {
    let Some(leaf) = leaf.filter(|leaf| leaf.body.is_some()) else {
        return Some(DifferenceKind::MissingInDatabase);
    };
    let rebuilt = rebuild(leaf, log_index).ok();
    match (rebuilt, copy) {
        (None, _) => Some(DifferenceKind::ChangedInDatabase),
        (Some(_), InStore::Missing) => Some(DifferenceKind::MissingInStore),
        (Some(leaf), InStore::Leaf(bytes)) if leaf.bytes != bytes => Some(DifferenceKind::ChangedInStore),
        (Some(_), InStore::Leaf(_) | InStore::NotYet) => None,
    }
}

/// The bundle of that index, as wide as the store's checkpoint says.
async fn read_bundle(
    store: &dyn WriteOnceStore,
    index: u64,
    stored: u64,
) -> Result<Option<Vec<u8>>, AuditError> {
    let held = stored
        .saturating_sub(index * u64::from(TILE_WIDTH))
        .min(u64::from(TILE_WIDTH));
    match u16::try_from(held) {
        Ok(width @ 1..) => Ok(store
            .get(&ObjectName::new(Series::Entries, index, width).to_string())
            .await?),
        _ => Ok(None),
    }
}
