//! All copies that a store has of the same up to 256 leaves: in the bundle, in its tile, and in the partial
//! ones that these superseded.

use std::io;

use crate::audit::{
    merkle::{Hash, leaf_hash},
    tiles::{ObjectName, Series, TILE_WIDTH, split_bundle},
    verify::{
        Fault, Problem, Store,
        listing::{Found, Listing},
    },
};

/// The copies of the leaves of one bundle.
pub(super) struct Copies {
    pub(super) index: u64,
    /// How many leaves the signed tree has here.
    pub(super) wanted: u16,
    tiles: Vec<Copy>,
    bundles: Vec<Copy>,
    /// The leaves of the widest bundle.
    leaves: Vec<Vec<u8>>,
}

/// One object with the hashes of the leaves.
pub(super) struct Copy {
    name: ObjectName,
    hashes: Vec<Hash>,
    /// Whether it holds more or less than its name says.
    is_broken: bool,
}

impl Copies {
    pub(super) fn read(store: &dyn Store, listing: &Listing, index: u64, wanted: u16) -> io::Result<Self> {
        let bundles = listing.read_copies(store, Series::Entries, index)?;
        let tiles = listing.read_copies(store, Series::Tile(0), index)?;
        let widest = bundles
            .last()
            .map(|found| split_bundle(&found.bytes).0)
            .unwrap_or_default();
        Ok(Self {
            index,
            wanted,
            leaves: widest.into_iter().map(<[u8]>::to_vec).collect(),
            tiles: tiles.iter().map(Copy::of_tile).collect(),
            bundles: bundles.iter().map(Copy::of_bundle).collect(),
        })
    }

    /// The log index of the first leaf.
    pub(super) fn start(&self) -> u64 {
        self.index * u64::from(TILE_WIDTH)
    }

    /// The path of the widest bundle, or of the one that should be there.
    pub(super) fn bundle_path(&self) -> String {
        self.bundles
            .last()
            .map_or_else(|| self.wanted_name(Series::Entries), |copy| copy.name)
            .to_string()
    }

    /// The bytes and the hash of a leaf in the widest bundle.
    pub(super) fn leaf(&self, log_index: u64) -> Option<(&[u8], Hash)> {
        let place = usize::try_from(log_index - self.start()).ok()?;
        Some((self.leaves.get(place)?, *self.bundles.last()?.hashes.get(place)?))
    }

    /// The different lists of hashes that reach as far as any does, within the signed tree; tiles first.
    pub(super) fn candidates(&self) -> Vec<&[Hash]> {
        let all = || self.tiles.iter().chain(&self.bundles);
        let reach = all()
            .map(|copy| copy.hashes.len())
            .max()
            .unwrap_or(0)
            .min(usize::from(self.wanted));
        let mut candidates: Vec<&[Hash]> = Vec::new();
        for hashes in all().filter_map(|copy| copy.hashes.get(..reach)) {
            if !candidates.contains(&hashes) {
                candidates.push(hashes);
            }
        }
        candidates
    }

    /// Says that the bundle or the tile is missing, where the store goes on up to `extent`.
    pub(super) fn missing(&self, extent: u64) -> Vec<Problem> {
        let has = |copies: &[Copy]| copies.iter().map(|copy| copy.name.width()).max().unwrap_or(0);
        let expected = u64::from(self.wanted).min(extent - self.start());
        let mut problems = Vec::new();
        let bundled = u64::from(has(&self.bundles));
        if bundled < expected {
            let path = self.wanted_name(Series::Entries).to_string();
            problems.push(Problem::of_entry(&path, self.start() + bundled, Fault::Missing));
        }
        if u64::from(has(&self.tiles)) < expected {
            problems.push(Problem::of_object(
                &self.wanted_name(Series::Tile(0)).to_string(),
                Fault::Missing,
            ));
        }
        problems
    }

    /// Compares every copy with the hashes that were chosen.
    pub(super) fn compare(&self, chosen: &[Hash], is_settled: bool) -> Vec<Problem> {
        let tiles = self.tiles.iter().filter_map(|tile| tile.compare_tile(chosen));
        let bundles = self
            .bundles
            .iter()
            .flat_map(|bundle| bundle.compare_bundle(self.start(), chosen, is_settled));
        tiles.chain(bundles).collect()
    }

    fn wanted_name(&self, series: Series) -> ObjectName {
        ObjectName::new(series, self.index, self.wanted)
    }
}

impl Copy {
    /// A tile of any level.
    pub(super) fn of_tile(found: &Found) -> Self {
        let (hashes, rest) = found.bytes.as_chunks::<32>();
        Self::new(found.name, hashes.to_vec(), rest)
    }

    fn of_bundle(found: &Found) -> Self {
        let (leaves, rest) = split_bundle(&found.bytes);
        Self::new(found.name, leaves.into_iter().map(leaf_hash).collect(), rest)
    }

    fn new(name: ObjectName, mut hashes: Vec<Hash>, rest: &[u8]) -> Self {
        let width = usize::from(name.width());
        let is_broken = hashes.len() != width || !rest.is_empty();
        hashes.truncate(width);
        Self {
            name,
            hashes,
            is_broken,
        }
    }

    pub(super) fn compare_tile(&self, chosen: &[Hash]) -> Option<Problem> {
        let wrong = self.differing(chosen);
        let fault = match wrong[..] {
            [] if self.is_broken => Fault::TileWrong {
                count: 1,
                first_place: self.hashes.len(),
            },
            [] => return None,
            [first_place, ..] => Fault::TileWrong {
                count: wrong.len(),
                first_place,
            },
        };
        Some(Problem::of_object(&self.name.to_string(), fault))
    }

    fn compare_bundle(&self, start: u64, chosen: &[Hash], is_settled: bool) -> Vec<Problem> {
        let path = self.name.to_string();
        let entry = |place: usize, fault| Problem::of_entry(&path, start + place as u64, fault);
        let wrong = self.differing(chosen);
        if self.is_broken {
            // Once it cannot be split, what follows the first difference means nothing.
            let place = wrong.first().copied().unwrap_or(self.hashes.len());
            let is_entry = place < usize::from(self.name.width());
            let problem = entry(place, Fault::BundleBroken);
            return vec![if is_entry {
                problem
            } else {
                Problem::of_object(&path, Fault::BundleBroken)
            }];
        }
        let fault = if is_settled {
            Fault::EntryEdited
        } else {
            Fault::Unsettled
        };
        wrong
            .into_iter()
            .map(|place| entry(place, fault.clone()))
            .collect()
    }

    fn differing(&self, chosen: &[Hash]) -> Vec<usize> {
        let pairs = self.hashes.iter().zip(chosen).enumerate();
        pairs
            .filter(|(_, (found, chosen))| found != chosen)
            .map(|(place, _)| place)
            .collect()
    }
}
