//! The hub's Merkle tree: the hashes of RFC 6962 and the frontier from which it grows.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The size and the root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves it has.
    pub size: u64,
    /// Its root hash.
    pub root: Hash,
}

/// All that is needed of a tree to append to it: the roots of the complete subtrees along its right edge,
/// largest first, one per one-bit of the size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// A stored frontier that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {expected} peaks, not {found} bytes of them")]
pub struct FrontierError {
    size: u64,
    expected: u32,
    found: usize,
}

/// The hash of a leaf: SHA-256(0x00 ‖ bytes).
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0x00])
        .chain_update(bytes)
        .finalize()
        .into()
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root over these leaf (or equal-height subtree) hashes.
#[must_use]
pub fn root_of(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    frontier.extend(hashes);
    frontier.root()
}

impl Frontier {
    /// Restores what [`size`](Self::size) and [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        if peaks.len() != size.count_ones() as usize || !rest.is_empty() {
            return Err(FrontierError {
                size,
                expected: size.count_ones(),
                found: bytes.len(),
            });
        }
        Ok(Self {
            size,
            peaks: peaks.to_vec(),
        })
    }

    /// The peaks one after the other, 32 bytes each and at most 64 of them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    #[expect(
        clippy::missing_panics_doc,
        reason = "there is a peak for each one-bit of the size"
    )]
    pub fn push(&mut self, leaf_hash: Hash) {
        let mut node = leaf_hash;
        // Each trailing one-bit of the size is a complete subtree as tall as the node: join them.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak per one-bit of the size");
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Appends leaves by their hashes.
    pub fn extend(&mut self, leaf_hashes: &[Hash]) {
        for hash in leaf_hashes {
            self.push(*hash);
        }
    }

    /// The root; of an empty tree it is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let joined = self
            .peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(|| Sha256::digest([]).into())
    }

    /// The size and the root together.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead {
            size: self.size,
            root: self.root(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tlog_tiles::{Error as TlogError, HashReader};

    use super::*;

    /// The leaves and roots of the Certificate Transparency reference implementation's tests.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_certificate_transparency() {
        let mut frontier = Frontier::default();
        assert_eq!(
            hex::encode(frontier.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (leaf, root) in LEAVES.iter().zip(ROOTS) {
            frontier.push(leaf_hash(&hex::decode(leaf).unwrap()));
            assert_eq!(hex::encode(frontier.root()), root, "size {}", frontier.size());
        }
    }

    /// All node hashes as the independent implementation keeps them.
    struct Nodes(Vec<tlog_tiles::Hash>);

    impl HashReader for Nodes {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, TlogError> {
            Ok(indexes
                .iter()
                .map(|index| self.0[usize::try_from(*index).unwrap()])
                .collect())
        }
    }

    proptest! {
        #[test]
        fn every_root_agrees_with_an_independent_implementation(size in 1_u64..600) {
            let mut nodes = Nodes(Vec::new());
            let mut frontier = Frontier::default();
            for index in 0..size {
                let leaf = index.to_be_bytes();
                let new = tlog_tiles::stored_hashes(index, &leaf, &nodes).unwrap();
                nodes.0.extend(new);
                frontier.push(leaf_hash(&leaf));
            }
            prop_assert_eq!(frontier.root(), tlog_tiles::tree_hash(size, &nodes).unwrap().0);
        }

        #[test]
        fn a_frontier_survives_being_stored(before in 0_u64..300, after in 0_u64..300) {
            let mut whole = Frontier::default();
            (0..before).for_each(|index| whole.push(leaf_hash(&index.to_be_bytes())));
            let mut restored = Frontier::from_bytes(whole.size(), &whole.to_bytes()).unwrap();
            for index in 0..after {
                whole.push(leaf_hash(&index.to_be_bytes()));
                restored.push(leaf_hash(&index.to_be_bytes()));
            }
            prop_assert_eq!(whole.head(), restored.head());
        }
    }

    #[test]
    fn a_frontier_of_the_wrong_length_is_refused() {
        assert!(Frontier::from_bytes(3, &[0; 32]).is_err());
        assert!(Frontier::from_bytes(1, &[0; 33]).is_err());
        assert!(Frontier::from_bytes(0, &[]).is_ok());
    }
}
