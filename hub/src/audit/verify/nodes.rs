//! Holds the tiles of the upper levels against the leaves.

use std::io;

use crate::audit::{
    merkle::{Hash, root_of},
    tiles::{ObjectName, Series, TILE_WIDTH, grown},
    verify::{Fault, Problem, Store, copies::Copy, leaves::Leaves, listing::Listing},
};

/// Compares every tile of level 1 and above, and says which are missing.
pub(super) fn check(
    store: &dyn Store,
    listing: &Listing,
    size: u64,
    leaves: &Leaves,
) -> io::Result<Vec<Problem>> {
    // Where the end of the log is missing its tiles are too, and that was said.
    let mut problems = missing(listing, size.min(listing.extent()));
    let mut nodes = leaves.nodes.clone();
    let mut level = 1;
    while !nodes.is_empty() {
        for (index, chunk) in (0..).zip(nodes.chunks(usize::from(TILE_WIDTH))) {
            // Beyond an unknown node nothing is known of the tile.
            let known: Vec<Hash> = chunk.iter().map_while(|node| *node).collect();
            let tiles = listing.read_copies(store, Series::Tile(level), index)?;
            problems.extend(
                tiles
                    .iter()
                    .filter_map(|tile| Copy::of_tile(tile).compare_tile(&known)),
            );
        }
        nodes = parents(&nodes);
        level += 1;
    }
    Ok(problems)
}

fn missing(listing: &Listing, size: u64) -> Vec<Problem> {
    let is_upper = |name: &ObjectName| matches!(name.series(), Series::Tile(1..));
    let wanted = grown(0, size).into_iter().filter(is_upper);
    let missing = wanted.filter(|name| !listing.has_as_wide(*name));
    missing
        .map(|name| Problem::of_object(&name.to_string(), Fault::Missing))
        .collect()
}

fn parents(nodes: &[Option<Hash>]) -> Vec<Option<Hash>> {
    let (tiles, _) = nodes.as_chunks::<{ TILE_WIDTH as usize }>();
    tiles
        .iter()
        .map(|tile| {
            tile.iter()
                .copied()
                .collect::<Option<Vec<_>>>()
                .map(|nodes| root_of(&nodes))
        })
        .collect()
}
