//! Says whether a store is whole, without the hub and its database.
//!
//! The signed checkpoints are the only thing believed. Every copy of every hash in the store is held against
//! them: the bundles' leaves, the tiles of each level, and the partial objects that a full one superseded.
//! Where two copies disagree, the one that leads to a signed root is right, so that the damaged object and
//! entry can be named. Then each agent's chain is followed through the log.

mod chains;
mod copies;
mod heads;
mod history;
mod leaves;
mod listing;
mod nodes;
mod report;

use std::io;

use crate::audit::keys::VerifierKey;

pub use report::{Fault, Problem, Report};

/// A store to verify: a directory, an export, a copy of a bucket.
pub trait Store {
    /// The paths of all objects.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The bytes of an object, or nothing where there is none.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

/// A checkpoint kept somewhere else, which the log must still agree with.
#[derive(Debug, Clone)]
pub struct KnownCheckpoint {
    /// What to call it in the report, such as its file.
    pub label: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Verifies a whole store against its own checkpoints and those `known` from elsewhere.
///
/// Fails only where the store cannot be read; whatever is wrong with it is in the report.
pub fn verify(store: &dyn Store, key: &VerifierKey, known: &[KnownCheckpoint]) -> io::Result<Report> {
    // A hub may go on publishing meanwhile: the history is listed before `checkpoint` is read, the objects
    // after.
    let older = listing::Listing::of(store)?;
    let heads = heads::Heads::gather(store, key, known, &older)?;
    let listing = listing::Listing::of(store)?;
    let size = heads
        .newest()
        .map_or_else(|| listing.unbroken_extent(), |head| head.size);
    let leaves = leaves::check(store, &listing, &heads, size)?;
    let tiles = nodes::check(store, &listing, size, &leaves)?;
    let mut problems = listing.problems();
    problems.extend(heads.problems);
    problems.extend(history::check(
        &older,
        &listing,
        size.min(listing.unbroken_extent()),
    ));
    problems.extend(leaves.problems);
    problems.extend(tiles);
    report::sort(&mut problems);
    Ok(Report {
        origin: key.name().to_owned(),
        size,
        root: leaves.root,
        entries: leaves.entries,
        agents: leaves.agents,
        checkpoints: heads.count,
        unsigned_objects: listing.count_past(size),
        problems,
    })
}

#[cfg(test)]
mod tests;
