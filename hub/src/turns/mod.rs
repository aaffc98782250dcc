//! Turns: one run of the agent on what happened.

pub mod apply;
pub mod cancel;
pub mod context;
pub mod fail;
pub mod fence;
pub mod follow;
pub mod followers;
pub mod frame;
pub mod gather;
pub mod live;
pub mod offline;
pub mod planner;
pub mod present;
pub mod run;
pub mod runtime;
mod standing;
pub mod step;
pub mod talker;
pub mod wait;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use self::step::TurnStep;
use crate::{
    clock::DateTime,
    ids::{EventId, SessionId, TurnId},
    recognition::Presence,
};

/// What a turn has read, by ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// What was said.
    pub events: Vec<Uuid>,
    /// What was remembered.
    pub memories: Vec<Uuid>,
    /// What waited for a decision.
    pub actions: Vec<Uuid>,
    /// Where those had come up.
    pub sessions: Vec<Uuid>,
    /// Who was there, by what they were known.
    pub known: Vec<Presence>,
    /// By which grants.
    pub consents: Vec<Uuid>,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "RawBlock")]
pub enum Block {
    /// Words.
    Text {
        /// At most 16,000 characters.
        text: String,
    },
}

/// A block as it is read: flat, so that an error points at the field. serde reads a tagged enum through a buffer, where the
/// path is lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBlock {
    r#type: BlockType,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum BlockType {
    Text,
}

impl TryFrom<RawBlock> for Block {
    type Error = &'static str;

    fn try_from(raw: RawBlock) -> Result<Self, Self::Error> {
        match raw.r#type {
            BlockType::Text => raw
                .text
                .map(|text| Self::Text { text })
                .ok_or("missing field `text`"),
        }
    }
}

impl Block {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// The words of a message.
#[must_use]
pub fn plain_text(blocks: &[Block]) -> String {
    let texts: Vec<&str> = blocks.iter().map(|Block::Text { text }| text.as_str()).collect();
    texts.join("\n")
}

/// What happens to an agent's turns while its model is away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenModelDown {
    /// They wait.
    #[default]
    Wait,
    /// The offline rules think instead.
    Offline,
}

impl WhenModelDown {
    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Offline => "offline",
        }
    }

    /// Reads the word in the table.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Wait, Self::Offline]
            .into_iter()
            .find(|when| when.as_str() == word)
    }
}

/// Where a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Nobody has begun.
    Queued,
    /// The agent thinks.
    Running,
    /// Something outside is away; it goes on by itself.
    Waiting,
    /// Done: answered, remembered, proposed.
    Planned,
    /// Not done, on purpose; `reason` says why.
    Skipped,
    /// Given up; `reason` says why. It can be replayed.
    Dead,
}

impl TurnState {
    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Planned => "planned",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }

    /// Reads the word in the table.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "queued" => Self::Queued,
            "running" => Self::Running,
            "waiting" => Self::Waiting,
            "planned" => Self::Planned,
            "skipped" => Self::Skipped,
            "dead" => Self::Dead,
            _ => return None,
        })
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Planned | Self::Skipped | Self::Dead)
    }
}

/// One run of the agent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Where it stands.
    pub state: TurnState,
    /// Why it was skipped or given up.
    pub reason: Option<String>,
    /// What it waits for.
    pub waiting_for: Option<String>,
    /// Tries so far.
    pub attempt: i32,
    /// What thought.
    pub runtime: Option<String>,
    /// What the thinking used, all steps of the try that counts together.
    pub usage: Option<Value>,
    /// The calls of a model, those of tries that came to nothing too; the first hundred.
    #[serde(default)]
    pub steps: Vec<TurnStep>,
    /// The events it ran on.
    pub input_event_ids: Vec<EventId>,
    /// The event of its reply.
    pub reply_event_id: Option<EventId>,
    /// The reply; none if there is none or it was erased.
    pub reply: Option<Vec<Block>>,
    /// When it was queued.
    pub created_at: DateTime,
    /// When it ended.
    pub finished_at: Option<DateTime>,
}
