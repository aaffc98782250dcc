//! What an answer is about: an event or a report by the client's own id, one step of a command, or a subscription.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A satellite's own name for an event it sends, unique for ever per device. Sending the same id with the same event again
/// is safe and answered `duplicate`; a UUID is a good choice. Between 1 and [`ClientId::MAX_BYTES`] visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

/// A client id of the wrong length or with characters that do not survive logs and URLs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a client id has 1 to {max} visible ASCII characters", max = ClientId::MAX_BYTES)]
pub struct InvalidClientId;

impl ClientId {
    /// Room for a UUID with a prefix, small enough for an index key.
    pub const MAX_BYTES: usize = 128;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for ClientId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl TryFrom<String> for ClientId {
    type Error = InvalidClientId;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        let is_valid =
            (1..=Self::MAX_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        if is_valid {
            Ok(Self(id))
        } else {
            Err(InvalidClientId)
        }
    }
}

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of a satellite's frames about a command an answer speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommandStage {
    /// `command_ack`.
    Ack,
    /// `command_progress`, which is answered only when it is refused.
    Progress,
    /// `command_result`.
    Result,
}

/// What an answer is about. On the wire `{"client_id": …}`, `{"command_id": …, "of": "ack"}`, `{"subscription": …}` or
/// `{"report_id": …}`, beside the other fields of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Subject {
    /// An event, alone or in a batch.
    Event {
        /// The id that the satellite gave it.
        client_id: ClientId,
    },
    /// A step of a command.
    Command {
        /// The id that the hub gave the command.
        command_id: Uuid,
        /// Which step.
        of: CommandStage,
    },
    /// A subscription.
    Subscription {
        /// The name that the subscriber gave it.
        subscription: ClientId,
    },
    /// A report of the device's state.
    Report {
        /// The name that the satellite gave it.
        report_id: ClientId,
    },
}
