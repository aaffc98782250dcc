//! Turns appended leaves into the objects to store.
//!
//! A [`Growth`] holds the right edge of the tree: the partial bundle and one partial tile per level, a few
//! hundred kilobytes at most. It is rebuilt after a restart from the store's own partial objects.

use std::mem;

use crate::audit::{
    leaf::Leaf,
    merkle::{Frontier, Hash, TreeHead, leaf_hash, root_of},
    tiles::{ObjectName, Series, TILE_WIDTH, encode_bundle, grown, partials, split_bundle, split_tile},
};

/// Entries that are published at once at most: 16 bundles, so that memory stays small (3 MB, 130 at the very most) and a
/// lease is renewed often. What verifies a store relies on it: `checkpoint` is never further ahead of the history.
pub const PORTION: u64 = 4_096;

/// A growing log, between two publications.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    frontier: Frontier,
    /// The leaves of the partial bundle.
    leaves: Vec<Vec<u8>>,
    /// The nodes of the partial tile of each level.
    levels: Vec<Vec<Hash>>,
    published: u64,
    completed: Publication,
}

/// What to write to the store, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publication {
    /// Bundles and tiles.
    pub objects: Vec<Object>,
    /// Tree heads to sign and keep at [`ObjectName::checkpoint`] of their size: one for each completed
    /// bundle, and the newest, which is also to be `checkpoint`.
    pub heads: Vec<TreeHead>,
}

/// A write-once object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name; `to_string` gives its path.
    pub name: ObjectName,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Why a growth cannot go on from what the store holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The object is not there, or does not hold what its name says.
    #[error("{0} is missing or damaged")]
    Damaged(ObjectName),
    /// The objects are of another tree than the head.
    #[error("the store's tree of size {size} has another root than the hub's")]
    OtherTree {
        /// The size at which they differ.
        size: u64,
    },
}

impl Growth {
    /// Goes on from a published head, given the bytes of the objects that [`partials`] of its size names.
    pub fn resume(head: TreeHead, read: impl Fn(ObjectName) -> Option<Vec<u8>>) -> Result<Self, ResumeError> {
        let mut growth = Self {
            published: head.size,
            ..Self::default()
        };
        for name in partials(head.size) {
            let bytes = read(name).ok_or(ResumeError::Damaged(name))?;
            growth.restore(name, &bytes).ok_or(ResumeError::Damaged(name))?;
        }
        let peaks: Vec<u8> = growth
            .levels
            .iter()
            .rev()
            .flat_map(|nodes| peaks_of(nodes))
            .collect();
        let other_tree = ResumeError::OtherTree { size: head.size };
        growth.frontier = Frontier::from_bytes(head.size, &peaks).map_err(|_| other_tree.clone())?;
        let hashes = growth.leaves.iter().map(|leaf| leaf_hash(leaf));
        if growth.frontier.root() != head.root || !hashes.eq(growth.level(0).iter().copied()) {
            return Err(other_tree);
        }
        Ok(growth)
    }

    /// The head of the tree with all that was appended.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// Appends the next leaf of the log.
    pub fn append(&mut self, leaf: Leaf) {
        self.frontier.push(leaf.hash);
        self.leaves.push(leaf.bytes);
        if self.leaves.len() == usize::from(TILE_WIDTH) {
            let bytes = encode_bundle(&mem::take(&mut self.leaves));
            let index = (self.frontier.size() - 1) / u64::from(TILE_WIDTH);
            self.completed.objects.push(Object {
                name: ObjectName::new(Series::Entries, index, TILE_WIDTH),
                bytes,
            });
            self.completed.heads.push(self.head());
        }
        self.push_node(0, leaf.hash);
    }

    /// What has to be written for the store to hold all that was appended. Ask once: should the writing fail,
    /// write the same publication again, or [`resume`](Self::resume) from the last head that was written.
    #[must_use]
    pub fn publish(&mut self) -> Publication {
        let mut publication = mem::take(&mut self.completed);
        let head = self.head();
        if head.size == self.published {
            return publication;
        }
        let partials = grown(self.published, head.size)
            .into_iter()
            .filter(|name| !name.is_full());
        publication
            .objects
            .extend(partials.map(|name| self.partial(name)));
        if publication.heads.last() != Some(&head) {
            publication.heads.push(head);
        }
        self.published = head.size;
        publication
    }

    fn push_node(&mut self, level: u8, node: Hash) {
        let place = usize::from(level);
        if self.levels.len() == place {
            self.levels.push(Vec::new());
        }
        self.levels[place].push(node);
        if self.levels[place].len() == usize::from(TILE_WIDTH) {
            let nodes = mem::take(&mut self.levels[place]);
            let index = ((self.frontier.size() - 1) >> (8 * u32::from(level))) / u64::from(TILE_WIDTH);
            let name = ObjectName::new(Series::Tile(level), index, TILE_WIDTH);
            self.completed.objects.push(Object {
                name,
                bytes: nodes.concat(),
            });
            self.push_node(level + 1, root_of(&nodes));
        }
    }

    fn partial(&self, name: ObjectName) -> Object {
        let bytes = match name.series() {
            Series::Tile(level) => self.level(level).concat(),
            Series::Entries | Series::Checkpoints => encode_bundle(&self.leaves),
        };
        Object { name, bytes }
    }

    fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    fn restore(&mut self, name: ObjectName, bytes: &[u8]) -> Option<()> {
        let width = usize::from(name.width());
        if let Series::Tile(level) = name.series() {
            let nodes = split_tile(bytes).filter(|nodes| nodes.len() == width)?;
            self.levels.resize(usize::from(level), Vec::new());
            self.levels.push(nodes.to_vec());
        } else {
            let (leaves, rest) = split_bundle(bytes);
            let is_whole = leaves.len() == width && rest.is_empty();
            self.leaves = is_whole.then(|| leaves.into_iter().map(<[u8]>::to_vec).collect())?;
        }
        Some(())
    }
}

/// The peaks of the tree over these nodes, one after the other.
fn peaks_of(nodes: &[Hash]) -> Vec<u8> {
    let mut frontier = Frontier::default();
    frontier.extend(nodes);
    frontier.to_bytes()
}

#[cfg(test)]
#[path = "growth_tests.rs"]
mod tests;
