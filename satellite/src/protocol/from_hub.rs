//! The frames that the hub sends.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Accepted, CloseReason, Desired, Discarded, Duplicate, ErrorNotice, FrameError, JsonObject, Rejected,
    Renewed, Subscribed, TopicEvent, Unsubscribed,
};

/// A frame from the hub to a satellite. Read one with [`HubFrame::decode`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HubFrame {
    /// The answer to `hello`; before it nothing else is sent.
    Welcome(Welcome),
    /// What the satellite sent is committed.
    Accepted(Accepted),
    /// The event was committed before; sending it again changed nothing.
    Duplicate(Duplicate),
    /// What the satellite sent was refused and changed nothing.
    Rejected(Rejected),
    /// The event or report was good but is not kept.
    Discarded(Discarded),
    /// Something to do.
    Command(Command),
    /// Something not to do any more.
    CommandCancel(CommandCancel),
    /// What is wanted of the device.
    Desired(Desired),
    /// A subscription has begun.
    Subscribed(Subscribed),
    /// A subscription has ended.
    Unsubscribed(Unsubscribed),
    /// Something that happened, of a topic that the satellite subscribed to.
    Event(TopicEvent),
    /// A new credential.
    Renewed(Renewed),
    /// Something is wrong that no id of an event, command, report or subscription belongs to.
    Error(ErrorNotice),
    /// The hub closes this socket next.
    Goodbye(Goodbye),
    /// The answer to `ping`.
    Pong(Pong),
}

impl HubFrame {
    /// The frame as the text of one WebSocket message.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("frames have string keys and no fallible parts")
    }

    /// Reads the text of one WebSocket message.
    ///
    /// # Errors
    /// Not JSON, not an object, an unknown type, or a field of the wrong shape, with a pointer to it.
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        super::decode::hub_frame(text)
    }
}

/// The satellite is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Welcome {
    /// Who the satellite is.
    pub device_id: Uuid,
    /// The agent that it belongs to.
    pub agent_id: Uuid,
    /// What people call it.
    pub device_name: String,
    /// The bounds on this socket.
    #[serde(default)]
    pub limits: Limits,
    /// Seconds within which each side lets the other hear something; after two without, the connection is dead.
    pub heartbeat_s: u32,
    /// Whether `hello.resume` is a place in the log, from which subscriptions go on that name no cursor of their own. False also
    /// when nothing was asked for, or the device may not read events.
    #[serde(default)]
    pub resumed: bool,
    /// The commands that the device acknowledged without sending a result. It must answer each: with its result, or with
    /// `unknown` when it cannot say. Commands not yet acknowledged follow as `command` frames.
    #[serde(default)]
    pub open_commands: Vec<OpenCommand>,
    /// The kinds of `hello.capabilities` that the device is not used for before a person approves them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_capabilities: Vec<String>,
}

/// The bounds that the hub holds a satellite to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Limits {
    /// The largest message in bytes.
    pub max_frame_bytes: usize,
    /// The most events in one `events`.
    pub max_batch: usize,
    /// The most `event` and `events` frames with an answer outstanding.
    pub max_in_flight: usize,
    /// The most subscriptions.
    #[serde(default)]
    pub max_subscriptions: u32,
    /// The most topics of one subscription.
    #[serde(default)]
    pub max_topics: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: super::MAX_FRAME_BYTES,
            max_batch: super::MAX_BATCH,
            max_in_flight: super::MAX_IN_FLIGHT,
            max_subscriptions: super::MAX_SUBSCRIPTIONS,
            max_topics: super::MAX_TOPICS,
        }
    }
}

/// A command that was acknowledged and not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OpenCommand {
    /// The command.
    pub command_id: Uuid,
    /// Its kind.
    pub kind: String,
    /// Its place in the device's order.
    pub seq: i64,
}

/// Something to do. Delivered at least once and in the order of `seq`, until acknowledged; but what people sent waits while the
/// device has 24 of it unanswered, and replies pass it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Command {
    /// The same each time it is delivered: a satellite does it once.
    pub command_id: Uuid,
    /// Its place in the device's order.
    pub seq: i64,
    /// What to do, such as `display.show`.
    pub kind: String,
    /// With what.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub arguments: JsonObject,
    /// When the hub stops waiting. The hub judges this, by its own clock.
    pub deadline_at: DateTime<Utc>,
    /// How often it was delivered, from 1.
    pub attempt: u32,
}

/// Stop, or do not start. The satellite answers with the result that it then has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandCancel {
    /// The command.
    pub command_id: Uuid,
}

/// The last frame before the hub closes the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Goodbye {
    /// The name of a [`CloseReason`], or of one that a newer hub has.
    pub reason: String,
    /// How long to wait before connecting again; `None` leaves it to the satellite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect_after_ms: Option<u64>,
}

impl Goodbye {
    /// A goodbye with this reason.
    #[must_use]
    pub fn new(reason: CloseReason, reconnect_after_ms: Option<u64>) -> Self {
        Self {
            reason: reason.name().into(),
            reconnect_after_ms,
        }
    }

    /// The reason, when this version knows it.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        CloseReason::from_name(&self.reason)
    }
}

/// The hub is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pong {
    /// What the `ping` carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}
