//! The frames that a satellite sends.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ClientId, FrameError, JsonObject, Renew, Report, Subscribe, Unsubscribe};

/// A frame from a satellite to the hub. Read one with [`SatelliteFrame::decode`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SatelliteFrame {
    /// The first frame on every socket.
    Hello(Hello),
    /// Something happened; answered by `accepted`, `duplicate`, `rejected` or `discarded` with its `client_id`.
    Event(NewEvent),
    /// Several events at once, answered one by one; the good ones are kept even when others are refused.
    Events(Batch),
    /// The command has arrived and will be started; answered by `accepted` with `of: "ack"`.
    CommandAck(CommandAck),
    /// The command is still being carried out; not answered unless refused.
    CommandProgress(CommandProgress),
    /// The command has ended; answered by `accepted` with `of: "result"`. Keep it until then.
    CommandResult(CommandResult),
    /// What the device is like; answered by `accepted`, `discarded` or `rejected` with its `report_id`.
    Report(Report),
    /// Asks for a new credential; answered by `renewed`.
    Renew(Renew),
    /// Asks for a `pong`.
    Ping(Ping),
    /// Asks to be told of what happens; answered by `subscribed`.
    Subscribe(Subscribe),
    /// Ends a subscription; answered by `unsubscribed`.
    Unsubscribe(Unsubscribe),
}

impl SatelliteFrame {
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
        super::decode::satellite_frame(text)
    }
}

/// Introduces the satellite.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hello {
    /// The device's token, unless the upgrade request carried it in `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub token: Option<BearerToken>,
    /// The command kinds that the device carries out. A description, not a permission.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// What runs on the device.
    #[serde(default)]
    pub software: Software,
    /// The cursor (`epoch:position`) of the last event seen, after which subscriptions go on that name no cursor of their own. With
    /// several of them, give each its own: they need not be at the same place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

/// A command kind that a device can carry out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Capability {
    /// Such as `display.show`.
    pub kind: String,
    /// JSON Schema of the arguments; anything is taken when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub arguments_schema: Option<JsonObject>,
}

impl Capability {
    /// A kind whose arguments are an object with these properties (JSON Schema), all of them required and no others taken.
    #[must_use]
    pub fn new(kind: &str, properties: &JsonObject) -> Self {
        let required: Vec<&String> = properties.keys().collect();
        let schema = json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        Self {
            kind: kind.into(),
            arguments_schema: schema.as_object().cloned(),
        }
    }
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Software {
    /// The program.
    #[serde(default)]
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

/// Something that happened at the satellite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewEvent {
    /// The satellite's own id for it, the same each time it is sent.
    pub client_id: ClientId,
    /// A registered event type, such as `transcript`.
    pub event_type: String,
    /// The content, as the event type demands.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub payload: JsonObject,
    /// When it happened by the satellite's clock: a claim, never used for order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The events of one `events` frame. An item that cannot be read stays in its place as an error, so that the others can
/// still be kept; such items are never written.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Batch {
    /// The items in the order sent, at least one and at most [`super::MAX_BATCH`].
    #[cfg_attr(feature = "schema", schema(value_type = Vec<NewEvent>, min_items = 1, max_items = 100))]
    pub events: Vec<Result<NewEvent, FrameError>>,
}

impl From<Vec<NewEvent>> for Batch {
    fn from(events: Vec<NewEvent>) -> Self {
        Self {
            events: events.into_iter().map(Ok).collect(),
        }
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Readable<'a> {
            events: Vec<&'a NewEvent>,
        }
        Readable {
            events: self.events.iter().flatten().collect(),
        }
        .serialize(serializer)
    }
}

/// The command has arrived. Sent before it is started; the hub does not deliver it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandAck {
    /// The command.
    pub command_id: Uuid,
}

/// A sign of life from a long command, which moves its deadline within the hub's maximum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandProgress {
    /// The command.
    pub command_id: Uuid,
    /// How much is done, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// What is being done, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandResult {
    /// The command.
    pub command_id: Uuid,
    /// How it ended.
    pub status: CommandStatus,
    /// What it gave, with `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What went wrong, with any other status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CommandError>,
}

impl CommandResult {
    /// It was done, and gave this.
    #[must_use]
    pub fn ok(command_id: Uuid, result: Option<Value>) -> Self {
        Self {
            command_id,
            status: CommandStatus::Ok,
            result,
            error: None,
        }
    }

    /// It ended otherwise: `code` says why for machines, in `snake_case`, and `message` for people.
    #[must_use]
    pub fn failed(command_id: Uuid, status: CommandStatus, code: &str, message: &str) -> Self {
        Self {
            command_id,
            status,
            result: None,
            error: Some(CommandError {
                code: code.into(),
                message: message.into(),
            }),
        }
    }
}

/// The ends that a command can have on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommandStatus {
    /// Done.
    Ok,
    /// Tried and failed.
    Error,
    /// Not tried: the device does not know the kind.
    Unsupported,
    /// Not done, or stopped, because the hub cancelled it.
    Cancelled,
    /// Started, and nobody can say whether it was done.
    Unknown,
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandError {
    /// For machines, `snake_case`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Asks whether the hub is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ping {
    /// Comes back in the `pong`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// A device's secret. Never printed; written out only in the frame itself.
#[derive(Clone)]
pub struct BearerToken(SecretString);

impl BearerToken {
    /// The secret, to put on the wire or to hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for BearerToken {
    fn from(secret: String) -> Self {
        Self(secret.into())
    }
}

impl PartialEq for BearerToken {
    /// Takes the same time wherever the difference lies.
    fn eq(&self, other: &Self) -> bool {
        let (left, right) = (self.expose().as_bytes(), other.expose().as_bytes());
        left.len() == right.len()
            && left
                .iter()
                .zip(right)
                .fold(0, |differing, (a, b)| differing | (a ^ b))
                == 0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Serialize for BearerToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for BearerToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
