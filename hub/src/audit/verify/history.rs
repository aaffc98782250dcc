//! Which checkpoints of the history must be there. One of each full bundle is kept for good; those of the sizes in between
//! are swept in time, so that nothing can be said of them.

use crate::audit::{
    growth::PORTION,
    tiles::{ObjectName, Series, TILE_WIDTH},
    verify::{Fault, Problem, listing::Listing},
};

/// Says which checkpoints were taken out of the history.
///
/// They are written in rising order, so that one speaks for all before it; and the newest checkpoint, which is written
/// before those of its own publication, is never further ahead of them than one publication. What the older listing shows
/// must have been there when the newer one, made after it, was read.
pub(super) fn check(older: &Listing, newer: &Listing, size: u64) -> Vec<Problem> {
    let last = older.of_series(Series::Checkpoints).map(ObjectName::end).max();
    let written = last.unwrap_or(0).max(size.saturating_sub(PORTION));
    let full = 1..=written / u64::from(TILE_WIDTH);
    full.map(|bundle| ObjectName::checkpoint(bundle * u64::from(TILE_WIDTH)))
        .filter(|name| !newer.has_as_wide(*name))
        .map(|name| Problem::of_object(&name.to_string(), Fault::Missing))
        .collect()
}
