//! What the record of one operation holds, and its one spelling.
//!
//! An entry never holds content: what was said, seen or remembered appears only as a [`Commitment`], the hash
//! of the content with a salt that lives in the content's own row and dies with it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::canonical;

/// The version that this code writes.
pub const VERSION: u32 = 1;

/// The longest canonical entry in bytes: with its chain link it stays far below the 65,535 of an entry
/// bundle.
pub const MAX_ENTRY_BYTES: usize = 32 * 1024;

/// The agent id of the hub's own chain, for operations without an agent.
pub const HUB_CHAIN: Uuid = Uuid::nil();

/// The largest whole number that RFC 8785 spells exactly (2^53 − 1).
const MAX_EXACT: u64 = (1 << 53) - 1;

/// The record of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// The version of this schema, see [`VERSION`].
    pub version: u32,
    /// The id of the entry itself.
    pub entry_id: Uuid,
    /// Whose chain it belongs to; [`HUB_CHAIN`] for the hub's own.
    pub agent_id: Uuid,
    /// Its place in that chain, from 1 without gaps.
    pub agent_seq: u64,
    /// The agent's epoch, raised by each recovery.
    pub epoch: u64,
    /// When the hub recorded it, to the microsecond.
    #[serde(with = "rfc3339_micros")]
    pub recorded_at: DateTime<Utc>,
    /// The operation id, `verb_noun` as in the `OpenAPI` document.
    pub operation: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Who did it.
    pub principal: Principal,
    /// The request it belonged to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// The events that it appended to the agent's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventRange>,
    /// Hashes of the contents that it touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commitments: Vec<Commitment>,
    /// Facts that are not content, such as a scope or a count.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took effect.
    Ok,
    /// It was refused, and nothing changed.
    Refused,
}

/// The kind of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A human with a login.
    User,
    /// A satellite.
    Device,
    /// The agent itself, in a turn; or another one, by a delegation.
    Agent,
    /// A service, by a delegation.
    Service,
    /// The hub itself: its jobs and sweeps.
    Hub,
    /// Nobody known, as at a refused sign-in.
    Anonymous,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// What kind of principal.
    pub kind: PrincipalKind,
    /// Its id; none for the hub and for nobody known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The device it came through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<Uuid>,
    /// The access token it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_id: Option<Uuid>,
}

/// What an operation was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// The singular noun, such as `memory`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
}

/// Positions in the agent's log, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRange {
    /// The first event of the operation.
    pub first: u64,
    /// Its last event.
    pub last: u64,
}

/// The hash of a content that stays outside the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// The singular noun of what holds the content, such as `event`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// What [`commitment`] gave, in hex.
    #[serde(with = "hex")]
    pub sha256: [u8; 32],
}

/// Why an entry cannot be recorded as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is longer than [`MAX_ENTRY_BYTES`].
    #[error("the audit entry has {bytes} bytes, more than {MAX_ENTRY_BYTES}")]
    TooLong {
        /// Its canonical length.
        bytes: usize,
    },
    /// A number that canonical JSON would round.
    #[error("{field} is beyond the whole numbers that canonical JSON spells exactly")]
    InexactNumber {
        /// The field that holds it.
        field: String,
    },
    /// A chain begins with 1.
    #[error("agent_seq begins with 1")]
    NoSequence,
    /// The operation is not named as an operation id.
    #[error("{operation:?} is not an operation id of the form verb_noun")]
    BadOperation {
        /// The name given.
        operation: String,
    },
    /// The last event lies before the first.
    #[error("the events end before they begin")]
    BadEvents,
}

impl AuditEntry {
    /// The entry as RFC 8785 canonical JSON, checked against the rules of the log.
    pub fn to_canonical(&self) -> Result<Vec<u8>, EntryError> {
        self.check()?;
        let bytes = canonical::bytes(self);
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    fn check(&self) -> Result<(), EntryError> {
        if self.agent_seq == 0 {
            return Err(EntryError::NoSequence);
        }
        if !is_operation_id(&self.operation) {
            return Err(EntryError::BadOperation {
                operation: self.operation.clone(),
            });
        }
        if self.events.is_some_and(|range| range.last < range.first) {
            return Err(EntryError::BadEvents);
        }
        check_exact("agent_seq", self.agent_seq)?;
        check_exact("epoch", self.epoch)?;
        check_exact("events", self.events.map_or(0, |range| range.last))?;
        self.details
            .iter()
            .try_for_each(|(name, value)| check_exact_values(name, value))
    }
}

/// Commits to a content without telling it: SHA-256 of the salt followed by the content's canonical JSON.
#[must_use]
pub fn commitment(salt: &[u8; 32], content: &Value) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(canonical::bytes(content))
        .finalize()
        .into()
}

fn is_operation_id(name: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('_').count() >= 2 && name.split('_').all(is_word)
}

fn check_exact(field: &str, number: u64) -> Result<(), EntryError> {
    if number > MAX_EXACT {
        return Err(EntryError::InexactNumber {
            field: field.to_owned(),
        });
    }
    Ok(())
}

fn check_exact_values(field: &str, value: &Value) -> Result<(), EntryError> {
    match value {
        Value::Number(number) => {
            let whole = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            check_exact(field, whole.unwrap_or(0))
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_exact_values(field, item)),
        Value::Object(map) => map.values().try_for_each(|item| check_exact_values(field, item)),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// Always six digits and `Z`, so that a time has one spelling.
mod rfc3339_micros {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(at.with_timezone(&Utc))
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
