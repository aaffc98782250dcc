//! What the hub answers to what a satellite sent, and why it may refuse.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ClientId, CommandStage, Subject};

/// What was accepted, and where it now is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Accepted {
    /// An event is in the agent's log.
    Event {
        /// The satellite's id.
        client_id: ClientId,
        /// The hub's id.
        event_id: Uuid,
        /// The position in the agent's log.
        position: i64,
    },
    /// An acknowledgement or a result is recorded. The satellite need not send it again.
    Command {
        /// The command.
        command_id: Uuid,
        /// Which of the two.
        of: CommandStage,
    },
    /// A report is kept.
    Report {
        /// The satellite's name for it.
        report_id: ClientId,
        /// The version of what the device reported; the same as before when it said nothing new.
        version: i64,
    },
}

/// The same event was accepted before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Duplicate {
    /// The satellite's id.
    pub client_id: ClientId,
    /// The hub's id of the first one.
    pub event_id: Uuid,
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rejected {
    /// What was refused; `client_id`, or `command_id` and `of`, or `subscription`, or `report_id`.
    #[serde(flatten)]
    pub subject: Subject,
    /// For machines.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the frame; empty for the frame as a whole.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Why something was refused, for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not a JSON object with a `type`.
    Malformed,
    /// A field is missing or has the wrong shape or value.
    Invalid,
    /// The frame type or event type is not known here.
    Unsupported,
    /// The client id was used before for something else, or the command has already ended otherwise.
    Conflict,
    /// The device's scopes do not allow it.
    Forbidden,
    /// There is no such command for this device.
    NotFound,
    /// Larger than the limits allow.
    TooLarge,
    /// The hub cannot take it now; send the same again a little later.
    Busy,
    /// A code of a newer hub; never sent. Treated as final.
    #[serde(other)]
    Other,
}

impl ErrorCode {
    /// Every code that this hub sends.
    pub const SENT: [Self; 8] = [
        Self::Malformed,
        Self::Invalid,
        Self::Unsupported,
        Self::Conflict,
        Self::Forbidden,
        Self::NotFound,
        Self::TooLarge,
        Self::Busy,
    ];

    /// Whether the same frame may be taken later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy)
    }
}

/// The event or report was understood and deliberately not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Discarded {
    /// What is not kept: `client_id`, or `report_id`.
    #[serde(flatten)]
    pub subject: Subject,
    /// Why.
    pub reason: DiscardReason,
}

/// Why something is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DiscardReason {
    /// The space's privacy mode does not allow keeping it.
    PrivacyMode,
    /// Somebody has switched the recording of this session off.
    NoRecording,
    /// A reason of a newer hub; never sent.
    #[serde(other)]
    Other,
}

/// Something is wrong, with nothing to pin it to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ErrorNotice {
    /// For machines.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
