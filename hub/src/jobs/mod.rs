//! Jobs: work queued in the transaction that caused it. The register of kinds, how they fail, who works on them.

mod expire;
mod fail;
pub mod idle;
pub mod receive;
pub mod relay;
mod renew;
pub mod replay;
pub mod sample;
pub mod sweep;
pub mod worker;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{clock::DateTime, error::Error, ids::JobId};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Runs a turn; the subject is the turn.
    RunTurn,
    /// Executes an approved action; the subject is the action.
    ExecuteAction,
    /// Makes the embeddings that an agent's memories lack; the subject is the agent.
    EmbedMemories,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::RunTurn, Self::ExecuteAction, Self::EmbedMemories];

    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunTurn => "run_turn",
            Self::ExecuteAction => "execute_action",
            Self::EmbedMemories => "embed_memories",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How a job did not end well: a decision made where it is known.
#[derive(Debug)]
pub enum Failure {
    /// Something outside is away: not a try.
    Wait {
        /// What is away.
        waiting_for: String,
        /// When to look again.
        retry_after: Duration,
    },
    /// The input may be at fault: one more try, until there were too many.
    Retry {
        /// What happened.
        reason: String,
    },
    /// The hub itself failed: one more try, and no detail for people.
    Broken {
        /// The error with its causes, for the operator.
        chain: String,
    },
    /// No try will help.
    Dead {
        /// What happened.
        reason: String,
    },
    /// Another worker holds the job now: leave it.
    Lost,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable { what, .. } => Self::Wait {
                waiting_for: what.to_owned(),
                retry_after: Duration::from_secs(1),
            },
            Error::Conflict {
                code: "lease_lost", ..
            } => Self::Lost,
            // The runtime's thought is at fault; another may be better.
            Error::Invalid(errors) => Self::Retry {
                reason: errors
                    .iter()
                    .map(|error| format!("{}: {}", error.pointer, error.detail))
                    .collect::<Vec<_>>()
                    .join("; "),
            },
            other => Self::Broken { chain: other.chain() },
        }
    }
}

/// A job that was given up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    #[schema(example = "run_turn")]
    pub kind: String,
    /// What it is about: a turn, an action, or the agent itself; null where that is somebody else's alone.
    pub subject_id: Option<Uuid>,
    /// Tries.
    pub attempts: i32,
    /// Why it was given up.
    pub error: Option<String>,
    /// When it was queued.
    pub created_at: DateTime,
    /// When it was given up.
    pub died_at: DateTime,
}
