//! The receipt: what was forgotten, as a note that the hub's audit key signs, so that anybody with the public key can check it
//! without the hub.
//!
//! Its first line is the log's origin and `/erasure`, which no checkpoint begins with; the second is one line of JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Erasure;
use crate::{
    audit::{
        checkpoint::{CheckpointError, open_note, sign_note},
        keys::{CheckpointKey, VerifierKey},
    },
    canonical,
    clock::DateTime,
    ids::AgentId,
};

/// What follows the origin in the first line.
const KIND: &str = "/erasure";

/// What a receipt says. It names things by their ids and holds no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The agent that forgot.
    pub agent_id: AgentId,
    /// What it forgot.
    #[serde(flatten)]
    pub erasure: Erasure,
    /// Copies that the hub does not keep itself.
    pub backups: Backups,
}

/// When the last backup is gone that may hold what was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backups {
    /// On this day, as the operator has configured: `retention.backups_days` after the scrub, or after the last day for it.
    GoneAt(DateTime),
    /// The hub makes no backups, and nobody told it of any.
    Unknown,
}

/// Why a text is not a receipt of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The signature, or what it stands under.
    #[error(transparent)]
    Note(#[from] CheckpointError),
    /// Signed, and something else than a receipt.
    #[error("it is signed, and it is no receipt")]
    OtherNote,
}

impl Receipt {
    /// The receipt as it is handed out: the same erasure gives the same text, until it is scrubbed.
    #[must_use]
    pub fn sign(&self, key: &CheckpointKey) -> String {
        let said = canonical::bytes(self);
        let said = String::from_utf8_lossy(&said);
        let text = format!("{}{KIND}\n{said}\n", key.verifier().name());
        sign_note(&text, key)
    }

    /// Reads a receipt that this key signed.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, ReceiptError> {
        let text = open_note(note, key)?;
        let origin = format!("{}{KIND}\n", key.name());
        let said = text.strip_prefix(&origin).ok_or(ReceiptError::OtherNote)?;
        serde_json::from_str(said).map_err(|_| ReceiptError::OtherNote)
    }
}

/// When backups are gone, `days` after the disk.
#[must_use]
pub fn backups(erasure: &Erasure, days: Option<u32>) -> Backups {
    let Some(days) = days else {
        return Backups::Unknown;
    };
    let from = erasure.scrubbed_at.unwrap_or(erasure.scrub_by);
    Backups::GoneAt(from + chrono::Duration::days(days.into()))
}
