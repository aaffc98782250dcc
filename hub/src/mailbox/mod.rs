//! The mailbox of every device: commands are rows first, delivered in order, at least once, and answered durably.

pub mod acknowledge;
pub mod cancel;
pub mod expire;
pub mod finish;
pub mod forget;
pub mod progress;
pub mod request;
pub mod send;
pub mod take;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    ids::{ActionId, CommandId, DeviceId, TurnId},
};

/// How long a device has to answer a command: long enough for a speaker to finish speaking.
pub const COMMAND_LIFE: Duration = Duration::minutes(2);
/// How long a reply waits for its device. Older words are no answer any more, but a hub that was away must not lose them.
pub const REPLY_LIFE: Duration = Duration::minutes(30);
/// Progress never extends a command past this from its beginning.
pub const LONGEST_LIFE: Duration = Duration::hours(1);
/// Bytes of a result at most.
pub const MAX_RESULT: usize = 64 * 1024;

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Waits for its device.
    Queued,
    /// Written to the device's socket at least once, not acknowledged.
    Sent,
    /// The device has it and may have started.
    Acknowledged,
    /// Done.
    Succeeded,
    /// Tried, and it did not work.
    Failed,
    /// The device cannot do this.
    Unsupported,
    /// Stopped.
    Cancelled,
    /// Its time passed before the device acknowledged it: it never started.
    Expired,
    /// Acknowledged, and its time passed without a result: it may have run.
    Unknown,
    /// A newer one took its place before the device had it: it never started.
    Superseded,
}

impl CommandState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Sent,
        Self::Acknowledged,
        Self::Succeeded,
        Self::Failed,
        Self::Unsupported,
        Self::Cancelled,
        Self::Expired,
        Self::Unknown,
        Self::Superseded,
    ];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unsupported => "unsupported",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the device may still change it in time.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sent | Self::Acknowledged)
    }
}

/// An instruction to one device.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// To whom.
    pub device_id: DeviceId,
    /// Its place in the device's order.
    pub seq: i64,
    /// What to do.
    #[schema(example = "display.show")]
    pub kind: String,
    /// With what.
    pub arguments: Value,
    /// The action it belongs to.
    pub action_id: Option<ActionId>,
    /// The turn whose reply it is.
    pub turn_id: Option<TurnId>,
    /// Where it stands.
    pub state: CommandState,
    /// How often it was sent.
    pub attempts: i32,
    /// Answered by then.
    pub deadline_at: DateTime,
    /// How far it is, as the device says.
    pub progress: Option<Value>,
    /// What came of it.
    pub result: Option<Value>,
    /// Why it did not work.
    pub error: Option<Value>,
    /// Whether the result came after the deadline.
    pub is_late: bool,
    /// A newer command of this key takes its place while the device does not have it.
    pub supersede_key: Option<String>,
    /// When somebody no longer wanted it although the device had it. What became of it is what the device says.
    pub cancel_requested_at: Option<DateTime>,
    /// When it was queued.
    pub created_at: DateTime,
    /// When it ended.
    pub finished_at: Option<DateTime>,
    /// When what it carried was forgotten.
    #[serde(default)]
    pub erased_at: Option<DateTime>,
}
