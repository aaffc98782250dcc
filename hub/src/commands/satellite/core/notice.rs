//! What the state machine has to say to people.

use uuid::Uuid;

use crate::satellite::protocol::{CommandStage, DiscardReason, ErrorCode};

/// Something that the person at the satellite may want to know.
#[derive(Debug, PartialEq)]
pub(in super::super) enum Notice {
    /// The hub knows the satellite by this name and takes this many waiting events.
    Welcomed {
        name: String,
        heartbeat_s: u32,
        waiting: usize,
    },
    /// A person has to approve these before the hub uses them.
    CapabilitiesWait { kinds: Vec<String> },
    /// The hub refused an event for good.
    EventRejected { code: ErrorCode, detail: String },
    /// The hub does not keep an event.
    EventDiscarded { reason: DiscardReason },
    /// An event is larger than a frame may be, and was not sent.
    EventTooLarge { bytes: usize },
    /// The hub refused an acknowledgement or a result.
    CommandRejected { of: CommandStage, detail: String },
    /// A command was done before; its result is sent again.
    AnsweredAgain { kind_or_id: String },
    /// The hub asks about a command that may or may not have been done.
    AnsweredUnknown { command_id: Uuid },
    /// The hub complains.
    HubError { code: ErrorCode, detail: String },
}
