//! `hub.satellite.v1`: the frames that a satellite and the hub exchange, and the bounds that both keep.
//!
//! Every frame is one WebSocket text message holding one JSON object tagged by `type`. Unknown fields are ignored, so
//! that either side may be newer. An unknown `type` is an error that can be answered ([`FrameError::answer`]).
//!
//! A session: the satellite sends `hello`, the hub answers `welcome`; then events flow up and are each answered by
//! `accepted`, `duplicate`, `rejected` or `discarded`; commands flow down and are each answered by `command_ack` and
//! `command_result`, which the hub confirms with `accepted` once they are committed. `desired` says what the device should be like, `report` what it is like. Who may
//! read events can `subscribe` to them.
//!
//! Nothing here does I/O or depends on the rest of the hub, so that clients can use it as it stands.

mod answers;
mod close;
mod console;
mod content;
mod decode;
mod from_hub;
mod from_satellite;
mod renewal;
mod state;
mod subject;
mod subscription;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use answers::{
    Accepted, DiscardReason, Discarded, Duplicate, ErrorCode, ErrorNotice, FieldError, Rejected,
};
pub use close::CloseReason;
pub use console::{CONSOLE_SUBPROTOCOL, ConsoleAgent, ConsoleWelcome};
pub use content::{EVENT_TRANSCRIPT, KIND_REPLY, Reply, Transcript};
pub use decode::FrameError;
pub use from_hub::{Command, CommandCancel, Goodbye, HubFrame, Limits, OpenCommand, Pong, Welcome};
pub use from_satellite::{
    Batch, BearerToken, Capability, CommandAck, CommandError, CommandProgress, CommandResult, CommandStatus,
    Hello, NewEvent, Ping, SatelliteFrame, Software,
};
pub use renewal::{Renew, Renewed};
pub use state::{Desired, Report};
pub use subject::{ClientId, CommandStage, InvalidClientId, Subject};
pub use subscription::{
    MAX_SUBSCRIPTIONS, MAX_TOPICS, Subscribe, Subscribed, TopicEvent, Unsubscribe, Unsubscribed,
};

/// The WebSocket subprotocol that a satellite offers and the hub selects.
pub const SUBPROTOCOL: &str = "hub.satellite.v1";

/// A JSON object, the shape of every payload, argument list and schema on the channel.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// The largest frame in bytes: room for 100 long transcripts, small enough that 32 of them in flight from one device
/// stay below 10 MiB.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;

/// The most events in one `events` frame: the size at which one commit per batch no longer gets much cheaper per event.
pub const MAX_BATCH: usize = 100;

/// The most `event` and `events` frames that a satellite may have unanswered: enough to fill a slow link, few enough to
/// bound what one socket holds in the hub's memory.
pub const MAX_IN_FLIGHT: usize = 32;

/// How long the hub waits for `hello`, and the satellite for `welcome`: a slow radio link manages, an idle scanner does
/// not keep a socket.
pub const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// A side that has heard nothing for this many heartbeats takes the connection for dead: one may be late, two are lost.
pub const MISSED_HEARTBEATS: u32 = 2;
