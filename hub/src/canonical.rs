//! One spelling of a document, so that what is hashed, signed or compared does not depend on who wrote it: RFC 8785.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical form of a document of ours: string keys and finite numbers only.
///
/// Whole numbers beyond 2^53 count as the double next to them, as RFC 8785 has it.
#[must_use]
pub fn bytes(document: &impl Serialize) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(document).expect("a document has only string keys and finite numbers")
}

/// SHA-256 of the canonical form.
#[must_use]
pub fn sha256(document: &Value) -> [u8; 32] {
    Sha256::digest(bytes(document)).into()
}
