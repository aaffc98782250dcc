//! Locations and the spaces in them. A space carries the privacy mode.

pub mod create_space;
pub mod gate;
mod spaces;
pub mod update_space;

pub use spaces::{Spaces, View};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    ids::{LocationId, SpaceId},
};

/// A room or context.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Space {
    /// Its id.
    pub id: SpaceId,
    /// Where it is; none for `elsewhere`.
    pub location_id: Option<LocationId>,
    /// What people call it; unique in the agent.
    #[schema(example = "kitchen")]
    pub name: String,
    /// Whether anything from it is kept.
    pub privacy_mode: PrivacyMode,
    /// Whether it is the one space for what happens in no known place.
    pub is_elsewhere: bool,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
}

/// Whether anything from a space is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyMode {
    /// Heard, planned on, remembered.
    Normal,
    /// Nothing is kept: what comes from it is answered `discarded(privacy_mode)`.
    Private,
}

impl PrivacyMode {
    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Private => "private",
        }
    }

    /// Reads the word; anything but `normal` is private, so that a mistake keeps too little.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        if word == "normal" {
            Self::Normal
        } else {
            Self::Private
        }
    }
}

/// Why the [gate] is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The space is private.
    PrivacyMode,
    /// The session is not recorded.
    NoRecording,
    /// The person does not allow it.
    NoConsent,
}

impl Closed {
    /// The word in answers, in the log and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrivacyMode => "privacy_mode",
            Self::NoRecording => "no_recording",
            Self::NoConsent => "no_consent",
        }
    }
}
