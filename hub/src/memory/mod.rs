//! What the agent remembers, and how it finds it again.

pub mod ask;
pub mod backfill;
pub mod commit;
pub mod embed;
pub mod embedding;
pub mod fuse;
pub mod permission;
pub mod recall;
pub mod rules;
pub mod share;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    identity::Trust,
    ids::{DeviceId, EventId, MemoryId, PersonId, SessionId, SpaceId},
};

/// Characters of a memory at most.
pub const MAX_CONTENT: usize = 8_000;

/// What kind of thing is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Something that happened or was said.
    Episodic,
    /// A fact.
    Semantic,
    /// How something is done.
    Procedural,
    /// What somebody likes.
    Preference,
    /// Who is who to whom.
    Relationship,
    /// Where something is.
    Location,
    /// What a device is like.
    Device,
    /// What is allowed.
    Policy,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 8] = [
        Self::Episodic,
        Self::Semantic,
        Self::Procedural,
        Self::Preference,
        Self::Relationship,
        Self::Location,
        Self::Device,
        Self::Policy,
    ];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Episodic => "episodic",
            Self::Semantic => "semantic",
            Self::Procedural => "procedural",
            Self::Preference => "preference",
            Self::Relationship => "relationship",
            Self::Location => "location",
            Self::Device => "device",
            Self::Policy => "policy",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == word)
    }
}

/// Something the agent remembers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Memory {
    /// Its id.
    pub id: MemoryId,
    /// What kind of thing.
    pub tier: Tier,
    /// What is remembered.
    pub content: String,
    /// 0 to 1.
    pub importance: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// How far its source may be believed.
    pub trust: Trust,
    /// Who may see it; none: the household.
    pub audience_person_id: Option<PersonId>,
    /// Where it was learnt.
    pub space_id: SpaceId,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// From when it holds.
    pub valid_from: DateTime,
    /// Until when it holds.
    pub valid_until: Option<DateTime>,
    /// When it was committed.
    pub created_at: DateTime,
}

/// Where a memory came from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemorySource {
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// The beginning of what was said; none once erased.
    pub excerpt: Option<String>,
    /// The device it came through.
    pub device_id: Option<DeviceId>,
    /// When the hub recorded it.
    pub recorded_at: DateTime,
}
