//! The objects of the store: their names, their encoding, and which of them a tree has.
//!
//! After C2SP tlog-tiles with its one height of 8. A tile at level L and index N holds the 256 nodes of
//! height 8 L from 256 N onwards; it is partial, with its width in its name, until the tree has them all.

use std::{fmt, str::FromStr};

use crate::audit::merkle::Hash;

/// How many nodes or leaves a full tile or bundle holds.
pub const TILE_WIDTH: u16 = 256;

/// The newest signed tree head: the one object that changes.
pub const CHECKPOINT_PATH: &str = "checkpoint";

/// How many levels of tiles cover a tree of up to 2^63 leaves.
const LEVELS: u8 = 8;

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Series {
    /// Leaves, `tile/entries/…`.
    Entries,
    /// Nodes of a level, `tile/<L>/…`.
    Tile(u8),
    /// The signed tree head whose newest bundle this is, `checkpoints/…`.
    Checkpoints,
}

/// The name of a write-once object of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    series: Series,
    index: u64,
    width: u16,
}

/// A path that names no object of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the path of a log object")]
pub struct PathError(String);

impl ObjectName {
    /// The object with that many nodes, from 1 to [`TILE_WIDTH`], at that index.
    #[must_use]
    pub fn new(series: Series, index: u64, width: u16) -> Self {
        debug_assert!((1..=TILE_WIDTH).contains(&width), "a tile holds 1 to 256 nodes");
        Self { series, index, width }
    }

    /// Where the signed head of a tree of that size, which is not empty, is kept.
    #[must_use]
    pub fn checkpoint(size: u64) -> Self {
        let (index, last) = split(size.saturating_sub(1));
        Self::new(Series::Checkpoints, index, last + 1)
    }

    /// What it holds.
    #[must_use]
    pub fn series(self) -> Series {
        self.series
    }

    /// Its place among the objects of its series.
    #[must_use]
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many nodes or leaves it holds or covers.
    #[must_use]
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether it will never be superseded by a wider one.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The index of its first node within its level.
    #[must_use]
    pub fn start(self) -> u64 {
        self.index * u64::from(TILE_WIDTH)
    }

    /// The index after its last node; for a checkpoint the size of its tree.
    #[must_use]
    pub fn end(self) -> u64 {
        self.start() + u64::from(self.width)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.series {
            Series::Entries => f.write_str("tile/entries")?,
            Series::Tile(level) => write!(f, "tile/{level}")?,
            Series::Checkpoints => f.write_str("checkpoints")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups[1..].iter().rev() {
            write!(f, "/x{group:03}")?;
        }
        write!(f, "/{:03}", groups[0])?;
        if self.is_full() {
            Ok(())
        } else {
            write!(f, ".p/{}", self.width)
        }
    }
}

impl FromStr for ObjectName {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        // Only the one spelling that Display gives is a name.
        parse(path)
            .filter(|name| name.to_string() == path)
            .ok_or_else(|| PathError(path.to_owned()))
    }
}

/// The bundles and tiles that a tree of `to` leaves has and one of `from` has not, in the order of their
/// levels.
#[must_use]
pub fn grown(from: u64, to: u64) -> Vec<ObjectName> {
    let mut names = grown_series(Series::Entries, from, to);
    for level in 0..LEVELS {
        let shift = u32::from(level) * 8;
        names.extend(grown_series(Series::Tile(level), from >> shift, to >> shift));
    }
    names
}

/// The partial bundle and tiles on the right edge of a tree.
#[must_use]
pub fn partials(size: u64) -> Vec<ObjectName> {
    grown(0, size)
        .into_iter()
        .filter(|name| !name.is_full())
        .collect()
}

/// Encodes leaves as an entry bundle: each with its length in two bytes, big endian, before it.
///
/// # Panics
///
/// When a leaf is longer than 65,535 bytes, which [`MAX_ENTRY_BYTES`](crate::audit::entry::MAX_ENTRY_BYTES)
/// excludes.
#[must_use]
pub fn encode_bundle<L: AsRef<[u8]>>(leaves: &[L]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for leaf in leaves.iter().map(AsRef::as_ref) {
        let length = u16::try_from(leaf.len()).expect("an entry is at most 32 KiB");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(leaf);
    }
    bytes
}

/// Splits an entry bundle into its leaves, and the bytes at its end that are not a whole leaf.
#[must_use]
pub fn split_bundle(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut leaves = Vec::new();
    let mut rest = bytes;
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let Some((leaf, tail)) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            break;
        };
        leaves.push(leaf);
        rest = tail;
    }
    (leaves, rest)
}

/// The hashes of a tile, if its length is that of whole hashes.
#[must_use]
pub fn split_tile(bytes: &[u8]) -> Option<&[Hash]> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then_some(hashes)
}

fn grown_series(series: Series, from: u64, to: u64) -> Vec<ObjectName> {
    if from == to {
        return Vec::new();
    }
    let (first, _) = split(from);
    let (last, width) = split(to);
    let full = (first..last).map(|index| ObjectName::new(series, index, TILE_WIDTH));
    let partial = (width > 0).then(|| ObjectName::new(series, last, width));
    full.chain(partial).collect()
}

/// The tile that a node lies in, and its place there.
fn split(node: u64) -> (u64, u16) {
    let [.., place] = node.to_be_bytes();
    (node >> 8, u16::from(place))
}

fn parse(path: &str) -> Option<ObjectName> {
    let (series, rest) = parse_series(path)?;
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (
            number,
            width
                .parse()
                .ok()
                .filter(|width| (1..TILE_WIDTH).contains(width))?,
        ),
        None => (rest, TILE_WIDTH),
    };
    let index = number.split('/').try_fold(0_u64, |index, group| {
        let group: u64 = group.trim_start_matches('x').parse().ok()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    // Beyond this the nodes could not be counted.
    (index < 1 << 55).then(|| ObjectName::new(series, index, width))
}

fn parse_series(path: &str) -> Option<(Series, &str)> {
    if let Some(rest) = path.strip_prefix("checkpoints/") {
        return Some((Series::Checkpoints, rest));
    }
    let (series, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    if series == "entries" {
        return Some((Series::Entries, rest));
    }
    let level = series.parse().ok().filter(|level| *level < LEVELS)?;
    Some((Series::Tile(level), rest))
}

#[cfg(test)]
#[path = "tiles_tests.rs"]
mod tests;
