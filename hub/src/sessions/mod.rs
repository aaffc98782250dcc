//! Conversations and their sessions: where talk belongs, and whether it is recorded.

pub mod find;
pub mod update_session;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    ids::{PersonId, SessionId, SpaceId},
};

/// A space's voice falls silent after this, and the next word opens a new session.
pub const VOICE_IDLE: Duration = Duration::minutes(10);

/// A stretch of talk.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What kind of talk.
    pub kind: TalkKind,
    /// Where.
    pub space_id: SpaceId,
    /// Who may see it; none: the household.
    pub audience_person_id: Option<PersonId>,
    /// Whether it goes on. One of a conversation does.
    pub is_open: bool,
    /// Whether what is said in it is kept. Where it is not, that is answered `discarded(no_recording)`.
    pub is_recorded: bool,
    /// When it began.
    pub opened_at: DateTime,
    /// When something was last said in it and kept.
    pub last_event_at: DateTime,
    /// When it ended.
    pub closed_at: Option<DateTime>,
}

/// Kinds of talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TalkKind {
    /// A space's voice.
    Space,
    /// A user and the agent, in private.
    Direct,
}

impl TalkKind {
    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::Direct => "direct",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Space, Self::Direct]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}
