//! The contents that every satellite and hub know: a transcript going up, a reply coming down.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::JsonObject;

/// The event type of something that was said. Its payload is a [`Transcript`].
pub const EVENT_TRANSCRIPT: &str = "transcript";

/// The built-in command kind by which the agent answers a satellite. Its arguments are a [`Reply`]. Every satellite must
/// accept it, so it is not declared, and it needs no approval.
pub const KIND_REPLY: &str = "reply";

/// What was said near a satellite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Transcript {
    /// The words.
    pub text: String,
    /// Who spoke, as the satellite believes; a label, not an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// Whether the words will not change any more. Only final transcripts need a turn.
    #[serde(default = "is_final_unless_told")]
    pub is_final: bool,
}

impl Transcript {
    /// The payload of the event that carries it.
    #[must_use]
    pub fn into_payload(self) -> JsonObject {
        let mut payload = JsonObject::new();
        payload.insert("text".into(), self.text.into());
        if let Some(participant) = self.participant {
            payload.insert("participant".into(), participant.into());
        }
        payload.insert("is_final".into(), self.is_final.into());
        payload
    }
}

/// The arguments of a command of kind [`KIND_REPLY`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reply {
    /// The whole reply as plain text, for a device that only speaks or prints.
    pub text: String,
    /// The reply as content blocks, for a device that can show more.
    #[serde(default)]
    pub blocks: Vec<Value>,
    /// The turn that this is the answer of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<Uuid>,
}

fn is_final_unless_told() -> bool {
    true
}
