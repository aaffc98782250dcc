//! What the state machine has to say to people.

use uuid::Uuid;

use crate::protocol::{CommandStage, DiscardReason, ErrorCode};

/// Something that the person at the satellite may want to know.
#[derive(Debug, PartialEq)]
pub enum Notice {
    /// The hub knows the satellite by this name and takes this many waiting events.
    Welcomed {
        /// What people call this satellite.
        name: String,
        /// Seconds within which each side lets the other hear something.
        heartbeat_s: u32,
        /// How many events are sent now.
        waiting: usize,
    },
    /// A person has to approve these before the hub uses them.
    CapabilitiesWait {
        /// The kinds of commands.
        kinds: Vec<String>,
    },
    /// The hub refused an event for good.
    EventRejected {
        /// Why, for machines.
        code: ErrorCode,
        /// Why, for people.
        detail: String,
    },
    /// The hub does not keep an event.
    EventDiscarded {
        /// Why.
        reason: DiscardReason,
    },
    /// The hub refused a report of what the satellite is like.
    ReportRejected {
        /// Why, for machines.
        code: ErrorCode,
        /// Why, for people.
        detail: String,
    },
    /// An event is larger than a frame may be, and was not sent.
    EventTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The hub refused an acknowledgement or a result.
    CommandRejected {
        /// Which of them.
        of: CommandStage,
        /// Why, for people.
        detail: String,
    },
    /// A command was done before; its result is sent again.
    AnsweredAgain {
        /// Its kind.
        kind: String,
    },
    /// The hub asks about a command that may or may not have been done.
    AnsweredUnknown {
        /// Which.
        command_id: Uuid,
    },
    /// The hub complains.
    HubError {
        /// For machines.
        code: ErrorCode,
        /// For people.
        detail: String,
    },
}
