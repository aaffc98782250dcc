//! The logged leaf: an entry, and the hash of the entry before it in the same agent's chain.
//!
//! A leaf is the canonical JSON `{"entry":…,"prev_hash":"<64 hex digits>"}`. Its hash is its RFC 6962 leaf
//! hash, SHA-256(0x00 ‖ leaf bytes). That one hash is both the node in the tree and the `prev_hash` of the
//! agent's next leaf. So the level-0 tiles alone tell what a damaged entry's hash was, and a chain can be
//! followed across it. The first leaf of an agent has [`CHAIN_START`], 32 zero bytes.

use serde::Deserialize;
use uuid::Uuid;

use crate::audit::merkle::{Hash, leaf_hash};

/// What an agent's first leaf names as its predecessor.
pub const CHAIN_START: Hash = [0; 32];

/// A leaf ready for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its bytes, as they stand in the entry bundle.
    pub bytes: Vec<u8>,
    /// Its hash in the tree, and the `prev_hash` of the agent's next leaf.
    pub hash: Hash,
}

/// What a verifier needs to know of a leaf; the rest of the entry may be of a later version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whose chain it belongs to.
    pub agent_id: Uuid,
    /// Its place in that chain.
    pub agent_seq: u64,
    /// The agent's epoch.
    pub epoch: u64,
    /// The hash of the leaf before it.
    pub prev_hash: Hash,
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not the JSON of a leaf.
    #[error("it is not the JSON of an audit entry: {0}")]
    Malformed(String),
    /// The right JSON in another spelling than RFC 8785's.
    #[error("it is not in canonical form")]
    NotCanonical,
}

impl Leaf {
    /// Puts an entry behind the leaf with `prev_hash`. The entry must be what [`AuditEntry::to_canonical`]
    /// gave.
    ///
    /// [`AuditEntry::to_canonical`]: crate::audit::entry::AuditEntry::to_canonical
    #[must_use]
    pub fn chain(canonical_entry: &[u8], prev_hash: &Hash) -> Self {
        let mut bytes = Vec::with_capacity(canonical_entry.len() + 96);
        // Written by hand because the entry is canonical already and "entry" sorts before "prev_hash".
        bytes.extend_from_slice(br#"{"entry":"#);
        bytes.extend_from_slice(canonical_entry);
        bytes.extend_from_slice(br#","prev_hash":""#);
        bytes.extend_from_slice(hex::encode(prev_hash).as_bytes());
        bytes.extend_from_slice(br#""}"#);
        let hash = leaf_hash(&bytes);
        Self { bytes, hash }
    }
}

impl Link {
    /// Reads the link out of a leaf's bytes, which must be in canonical form.
    pub fn read(leaf: &[u8]) -> Result<Self, LeafError> {
        let malformed = |error: serde_json::Error| LeafError::Malformed(error.to_string());
        let value: serde_json::Value = serde_json::from_slice(leaf).map_err(malformed)?;
        if serde_json_canonicalizer::to_vec(&value).map_err(malformed)? != leaf {
            return Err(LeafError::NotCanonical);
        }
        let RawLeaf { entry, prev_hash } = serde_json::from_value(value).map_err(malformed)?;
        Ok(Self {
            agent_id: entry.agent_id,
            agent_seq: entry.agent_seq,
            epoch: entry.epoch,
            prev_hash,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLeaf {
    entry: RawEntry,
    #[serde(with = "hex")]
    prev_hash: Hash,
}

#[derive(Deserialize)]
struct RawEntry {
    agent_id: Uuid,
    agent_seq: u64,
    epoch: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::samples;

    #[test]
    fn a_leaf_is_the_canonical_json_of_its_parts() {
        let entry = samples::entry(Uuid::from_u128(7), 3);
        let leaf = Leaf::chain(&entry.to_canonical().unwrap(), &[0xab; 32]);
        let parts = serde_json::json!({"prev_hash": "ab".repeat(32), "entry": entry});
        assert_eq!(leaf.bytes, serde_json_canonicalizer::to_vec(&parts).unwrap());
        let link = Link {
            agent_id: Uuid::from_u128(7),
            agent_seq: 3,
            epoch: 1,
            prev_hash: [0xab; 32],
        };
        assert_eq!(Link::read(&leaf.bytes), Ok(link));
    }

    #[test]
    fn the_longest_entry_fits_an_entry_bundle() {
        let leaf = Leaf::chain(&vec![b'x'; crate::audit::entry::MAX_ENTRY_BYTES], &CHAIN_START);
        assert!(u16::try_from(leaf.bytes.len()).is_ok());
    }

    #[test]
    fn another_spelling_is_not_a_leaf() {
        let leaf = Leaf::chain(
            &samples::entry(Uuid::nil(), 1).to_canonical().unwrap(),
            &CHAIN_START,
        );
        let text = String::from_utf8(leaf.bytes).unwrap();
        assert_eq!(
            Link::read(text.replacen(':', ": ", 1).as_bytes()),
            Err(LeafError::NotCanonical)
        );
        let twice = text.replacen(r#""epoch":1"#, r#""epoch":1,"epoch":1"#, 1);
        assert_eq!(Link::read(twice.as_bytes()), Err(LeafError::NotCanonical));
        assert!(matches!(Link::read(b"{}"), Err(LeafError::Malformed(_))));
        assert!(matches!(Link::read(b"\xff"), Err(LeafError::Malformed(_))));
    }
}
