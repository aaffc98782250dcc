//! What holds for every write-once store: which paths there are, which checkpoint is the newer, what is superseded.

use std::collections::HashMap;

use crate::audit::checkpoint::claimed_size;

/// The longest path of an object, in bytes.
pub(super) const MAX_PATH_BYTES: usize = 256;

/// Whether a path stays within the root and names nothing hidden.
pub(super) fn is_path(path: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    path.len() <= MAX_PATH_BYTES
        && path
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_good))
}

/// Whether the checkpoint that is there needs no replacing: it covers as much of the log, or more. One that is not readable
/// does.
pub(super) fn is_as_new(there: &[u8], new: &[u8]) -> bool {
    match (claimed_size(there), claimed_size(new)) {
        (Some(there), Some(new)) => there >= new,
        _ => there == new,
    }
}

/// The widest objects of a store, by the path of the full one: `….p/<W>` is superseded by a wider one and by the full one.
#[derive(Debug, Default)]
pub(super) struct Widest(HashMap<String, u16>);

impl Widest {
    /// Notes that there is an object.
    pub(super) fn note(&mut self, path: &str) {
        let (full, width) = split(path);
        let widest = self.0.entry(full.to_owned()).or_default();
        *widest = width.max(*widest);
    }

    /// Whether an object has a wider one beside it.
    pub(super) fn has_superseded(&self, path: &str) -> bool {
        let (full, width) = split(path);
        self.0.get(full).is_some_and(|widest| *widest > width)
    }
}

/// The path of the full object, and the width of this one: beyond all for the full one itself.
fn split(path: &str) -> (&str, u16) {
    path.rsplit_once(".p/")
        .and_then(|(full, width)| Some((full, width.parse().ok()?)))
        .unwrap_or((path, u16::MAX))
}
