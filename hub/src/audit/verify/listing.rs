//! Which objects a store has.

use std::{collections::BTreeSet, io};

use crate::audit::{
    tiles::{CHECKPOINT_PATH, ObjectName, Series, TILE_WIDTH},
    verify::{Fault, Problem, Store},
};

/// The names in a store.
pub(super) struct Listing {
    names: BTreeSet<ObjectName>,
    strangers: Vec<String>,
}

/// An object that was read.
pub(super) struct Found {
    pub(super) name: ObjectName,
    pub(super) bytes: Vec<u8>,
}

impl Listing {
    pub(super) fn of(store: &dyn Store) -> io::Result<Self> {
        let mut listing = Self {
            names: BTreeSet::new(),
            strangers: Vec::new(),
        };
        for path in store.list()? {
            match path.parse() {
                Ok(name) => _ = listing.names.insert(name),
                Err(_) if path == CHECKPOINT_PATH => {}
                Err(_) => listing.strangers.push(path),
            }
        }
        Ok(listing)
    }

    /// Objects that no log has.
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.strangers
            .iter()
            .map(|path| Problem::of_object(path, Fault::Stranger))
            .collect()
    }

    pub(super) fn of_series(&self, series: Series) -> impl Iterator<Item = ObjectName> {
        let first = ObjectName::new(series, 0, 1);
        self.names
            .range(first..)
            .copied()
            .take_while(move |name| name.series() == series)
    }

    /// Reads every copy of a tile or bundle, narrowest first.
    pub(super) fn read_copies(
        &self,
        store: &dyn Store,
        series: Series,
        index: u64,
    ) -> io::Result<Vec<Found>> {
        let mut copies = Vec::new();
        for name in self.as_wide_as(ObjectName::new(series, index, 1)) {
            if let Some(bytes) = store.read(&name.to_string())? {
                copies.push(Found { name, bytes });
            }
        }
        Ok(copies)
    }

    /// Whether there is the object of that name or a wider one that holds it.
    pub(super) fn has_as_wide(&self, name: ObjectName) -> bool {
        self.as_wide_as(name).next().is_some()
    }

    /// The log index after the last entry that any object speaks of.
    pub(super) fn extent(&self) -> u64 {
        let ends = |series| self.of_series(series).map(ObjectName::end).max();
        ends(Series::Entries).max(ends(Series::Tile(0))).unwrap_or(0)
    }

    /// The log index after the last entry before the first gap; nothing bounds it but what is really there.
    pub(super) fn unbroken_extent(&self) -> u64 {
        let bundles = self.of_series(Series::Entries);
        bundles.fold(0, |end, name| {
            if name.start() <= end {
                end.max(name.end())
            } else {
                end
            }
        })
    }

    /// How many bundles and tiles reach past a tree of that size.
    pub(super) fn count_past(&self, size: u64) -> usize {
        let reaches_past = |name: &&ObjectName| match name.series() {
            Series::Entries => name.end() > size,
            Series::Tile(level) => name.end() > size >> (8 * u32::from(level)),
            Series::Checkpoints => false,
        };
        self.names.iter().filter(reaches_past).count()
    }

    /// The objects at the same place that are at least as wide.
    fn as_wide_as(&self, name: ObjectName) -> impl Iterator<Item = ObjectName> {
        let widest = ObjectName::new(name.series(), name.index(), TILE_WIDTH);
        self.names.range(name..=widest).copied()
    }
}
