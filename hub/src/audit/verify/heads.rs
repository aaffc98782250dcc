//! The signed tree heads: what is believed.

use std::{collections::BTreeMap, io};

use crate::audit::{
    checkpoint::{self, CheckpointError},
    keys::VerifierKey,
    merkle::{Hash, TreeHead},
    tiles::{CHECKPOINT_PATH, Series},
    verify::{Fault, KnownCheckpoint, Problem, Store, listing::Listing},
};

/// The signed heads by size, and what is wrong with those that are not.
#[derive(Default)]
pub(super) struct Heads {
    by_size: BTreeMap<u64, Signed>,
    /// How many checkpoints had a good signature.
    pub(super) count: usize,
    pub(super) problems: Vec<Problem>,
}

/// A root and the checkpoint that signs it.
pub(super) struct Signed {
    pub(super) root: Hash,
    pub(super) place: String,
}

impl Heads {
    pub(super) fn gather(
        store: &dyn Store,
        key: &VerifierKey,
        known: &[KnownCheckpoint],
        listing: &Listing,
    ) -> io::Result<Self> {
        let mut heads = Self::default();
        for name in listing.of_series(Series::Checkpoints) {
            let path = name.to_string();
            let Some(bytes) = store.read(&path)? else { continue };
            if let Some(head) = heads.open(&path, &bytes, key)
                && head.size != name.end()
            {
                heads.problems.push(Problem::of_object(
                    &path,
                    Fault::CheckpointMisplaced { size: head.size },
                ));
            }
        }
        for KnownCheckpoint { label, bytes } in known {
            heads.open(label, bytes, key);
        }
        heads.open_newest(store.read(CHECKPOINT_PATH)?, key);
        Ok(heads)
    }

    pub(super) fn newest(&self) -> Option<TreeHead> {
        self.by_size.last_key_value().map(|(&size, signed)| TreeHead {
            size,
            root: signed.root,
        })
    }

    pub(super) fn at(&self, size: u64) -> Option<&Signed> {
        self.by_size.get(&size)
    }

    /// The signed heads of sizes from `first` to `last`.
    pub(super) fn between(&self, first: u64, last: u64) -> impl Iterator<Item = (u64, &Signed)> {
        self.by_size
            .range(first..=last)
            .map(|(&size, signed)| (size, signed))
    }

    fn open_newest(&mut self, bytes: Option<Vec<u8>>, key: &VerifierKey) {
        let Some(bytes) = bytes else {
            return self
                .problems
                .push(Problem::of_object(CHECKPOINT_PATH, Fault::CheckpointMissing));
        };
        let Some(head) = self.open(CHECKPOINT_PATH, &bytes, key) else {
            return;
        };
        if let Some((&known_size, known)) = self.by_size.last_key_value()
            && known_size > head.size
        {
            let fault = Fault::CutOff {
                size: head.size,
                known_size,
                known_place: known.place.clone(),
            };
            self.problems.push(Problem::of_object(CHECKPOINT_PATH, fault));
        }
    }

    fn open(&mut self, place: &str, bytes: &[u8], key: &VerifierKey) -> Option<TreeHead> {
        match checkpoint::open(bytes, key) {
            Ok(head) => {
                self.count += 1;
                self.believe(place, head);
                Some(head)
            }
            Err(error) => {
                self.refuse(place, error);
                None
            }
        }
    }

    fn believe(&mut self, place: &str, head: TreeHead) {
        let signed = self.by_size.entry(head.size);
        let signed = signed.or_insert_with(|| Signed {
            root: head.root,
            place: place.to_owned(),
        });
        if signed.root != head.root {
            let fault = Fault::SignedTwice {
                size: head.size,
                other_place: signed.place.clone(),
            };
            self.problems.push(Problem::of_object(place, fault));
        }
    }

    fn refuse(&mut self, place: &str, error: CheckpointError) {
        self.problems.push(Problem::of_object(
            place,
            Fault::CheckpointInvalid {
                reason: error.to_string(),
            },
        ));
    }
}
