//! Actions: what the agent wants to do, who decided, what became of it.

pub mod approve;
mod decide;
pub mod execute;
pub mod expire;
pub mod forget;
pub mod propose;
pub mod reject;
pub mod resolve;
pub mod settle;
pub mod tool;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    identity::Trust,
    ids::{ActionId, AttemptId, CommandId, DecisionId, PersonId, SessionId, TurnId, UserId},
};

/// How long a proposal waits for a person: a day, so that it does not surprise anyone later.
pub const PROPOSAL_LIFE: chrono::Duration = chrono::Duration::hours(24);

/// How long an approved action may wait for its beginning: a restart or a long queue is forgiven, but what a person approved
/// for now does not happen to them hours later.
pub const APPROVAL_LIFE: chrono::Duration = chrono::Duration::hours(1);

/// Where an action stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// Waits for a person or a policy.
    Proposed,
    /// Decided, about to be done.
    Approved,
    /// Decided against.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Being done.
    Executing,
    /// Done.
    Succeeded,
    /// Tried, and it did not work.
    Failed,
    /// Stopped before or while it was done.
    Cancelled,
    /// Never started within its time.
    TimedOut,
    /// It may have been done: a person says which.
    Unknown,
}

impl ActionState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Proposed,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Executing,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Unknown,
    ];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Executing => "executing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether an action may go from here to there (DESIGN 12). Everything else is refused.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Proposed => matches!(next, Self::Approved | Self::Rejected | Self::Expired),
            // Back to proposed when what was approved is no longer what would run.
            Self::Approved => {
                matches!(
                    next,
                    Self::Executing | Self::Cancelled | Self::Failed | Self::TimedOut | Self::Proposed
                )
            }
            Self::Executing => matches!(
                next,
                Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut | Self::Unknown
            ),
            // A person resolves it, or the late result does.
            Self::Unknown => matches!(
                next,
                Self::Succeeded | Self::Failed | Self::Cancelled | Self::Approved
            ),
            // What timed out never started; a device that says otherwise, late, is kept as the late word of its command.
            Self::TimedOut
            | Self::Rejected
            | Self::Expired
            | Self::Succeeded
            | Self::Failed
            | Self::Cancelled => false,
        }
    }
}

/// Something the agent wants to do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// The turn that proposed it.
    pub turn_id: Option<TurnId>,
    /// The session it belongs to.
    pub session_id: Option<SessionId>,
    /// Who may see it; none: the household.
    pub audience_person_id: Option<PersonId>,
    /// The tool.
    #[schema(example = "device_command")]
    pub tool: String,
    /// What it would do, for people.
    pub summary: String,
    /// The exact arguments.
    pub arguments: Value,
    /// SHA-256 of the canonical arguments, in hex: a decision may name it to be sure what it approves.
    pub arguments_sha256: String,
    /// The scopes that a policy would have to allow.
    pub required_scopes: Vec<String>,
    /// How far what it comes from may be believed: the least of what the agent read before it proposed this.
    pub trust: Trust,
    /// Where it stands.
    pub state: ActionState,
    /// What came of it.
    pub result: Option<Value>,
    /// Why it did not work.
    pub error: Option<String>,
    /// Decided by then, or expired; once approved, begun by then, or timed out.
    pub deadline_at: DateTime,
    /// When it was proposed.
    pub created_at: DateTime,
    /// When its state last changed.
    pub updated_at: DateTime,
    /// When what it was about was forgotten.
    #[serde(default)]
    pub erased_at: Option<DateTime>,
}

/// A decision about an action.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ActionDecision {
    /// Its id.
    pub id: DecisionId,
    /// What was decided.
    pub decision: String,
    /// Who decided.
    pub user_id: UserId,
    /// Why, as they said.
    pub reason: Option<String>,
    /// When.
    pub created_at: DateTime,
}

/// One try at an action.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ActionAttempt {
    /// Its id.
    pub id: AttemptId,
    /// 1 for the first.
    pub number: i32,
    /// `open`, `succeeded`, `failed`, `cancelled`, `timed_out` or `unknown`.
    pub state: String,
    /// The command it sent.
    pub command_id: Option<CommandId>,
    /// When it began.
    pub started_at: DateTime,
    /// When it ended.
    pub finished_at: Option<DateTime>,
}
