//! Forgetting: what goes with a thing that is forgotten, and the receipt that says so without saying what it was.

mod erase;
pub mod forget;
pub mod forget_remembered;
pub mod read;
pub mod receipt;
pub mod scrub;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    clock::DateTime,
    ids::{ConsentId, ErasureId, EventId, MemoryId, PersonId, SessionId},
};

/// Within which what was forgotten is gone from the disk, too (DESIGN 13).
pub const SCRUBBED_WITHIN: Duration = Duration::hours(24);

/// What is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A memory, with what it came from unless the log is to stay as it is.
    Memory {
        /// Which.
        id: MemoryId,
        /// Whether the events that it came from stay.
        keeps_sources: bool,
    },
    /// An event, with all that came of it.
    Event(EventId),
    /// Everything that was said in a session, with all that came of it.
    Session(SessionId),
    /// Everything of a person's, and who they are.
    Person(PersonId),
    /// What was remembered by the grants that a withdrawal takes back.
    Consent(ConsentId),
}

impl Target {
    /// The word in tables, receipts and the audit log.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Memory { .. } => "memory",
            Self::Event(_) => "event",
            Self::Session(_) => "session",
            Self::Person(_) => "person",
            Self::Consent(_) => "consent",
        }
    }

    /// Whether somebody asked for it by name, and is answered with its receipt. A withdrawal says itself what it took back.
    #[must_use]
    pub const fn is_named(self) -> bool {
        !matches!(self, Self::Consent(_))
    }

    /// Its id.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Memory { id, .. } => id.0,
            Self::Event(id) => id.0,
            Self::Session(id) => id.0,
            Self::Person(id) => id.0,
            Self::Consent(id) => id.0,
        }
    }
}

/// How many of each were forgotten, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Counts {
    /// Payloads of events: what was said, and what the agent answered.
    pub events: u64,
    /// Memories.
    pub memories: u64,
    /// What turns wanted to remember, committed or not.
    pub candidates: u64,
    /// Vectors of memories.
    pub embeddings: u64,
    /// Turns whose words, reasons and steps went.
    pub turns: u64,
    /// Actions whose summary, arguments and result went.
    pub actions: u64,
    /// Commands whose arguments, progress and result went, replies among them.
    pub commands: u64,
    /// Artifacts, with their bytes.
    pub artifacts: u64,
    /// What a device said it is like, and what it should be like.
    pub shadows: u64,
    /// Kept answers to requests.
    pub answers: u64,
    /// People, with their names.
    pub people: u64,
    /// Prints of voices and faces.
    pub prints: u64,
    /// What was recognised by them: hypotheses, observations, presence and past presence.
    pub sightings: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            memories: self.memories + other.memories,
            candidates: self.candidates + other.candidates,
            embeddings: self.embeddings + other.embeddings,
            turns: self.turns + other.turns,
            actions: self.actions + other.actions,
            commands: self.commands + other.commands,
            artifacts: self.artifacts + other.artifacts,
            shadows: self.shadows + other.shadows,
            answers: self.answers + other.answers,
            people: self.people + other.people,
            prints: self.prints + other.prints,
            sightings: self.sightings + other.sightings,
        }
    }
}

/// Something was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// What kind of thing was to be forgotten: `memory`, `event`, `session` or `person`; or the `consent` on which it
    /// hung, because that was withdrawn or has ended, or a print was deleted.
    #[schema(example = "memory")]
    pub target_kind: String,
    /// Which.
    pub target_id: Uuid,
    /// How many of each went with it.
    pub counts: Counts,
    /// Since when nobody can read it.
    pub erased_at: DateTime,
    /// When it is gone from the disk at the latest.
    pub scrub_by: DateTime,
    /// When the tables that held it had been written anew; null until then.
    pub scrubbed_at: Option<DateTime>,
    /// What became of the database's write-ahead log: `turned_over`, or `left` where the hub may not do that; null until the
    /// tables have been written anew.
    #[schema(example = "turned_over")]
    pub wal: Option<String>,
}

/// What was forgotten at once, as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// What was named, and all else that the same people could see.
    pub erasure: Erasure,
    /// What went with it that was only theirs, or not only theirs.
    pub beside: Vec<Erasure>,
}
