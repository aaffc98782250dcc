//! A step of a turn: one call of a model, with what came of it and what it took. It holds no content.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::DateTime;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It answered.
    Answered,
    /// It called a function, and was asked again with the result.
    Called,
    /// It was not reachable, too slow, overloaded or broken.
    Away,
    /// It refused the hub: a wrong key, a model that is not there.
    Misconfigured,
    /// It refused the request.
    Refused,
    /// It answered, and not so that it can be used.
    Malformed,
}

impl StepOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::Answered,
        Self::Called,
        Self::Away,
        Self::Misconfigured,
        Self::Refused,
        Self::Malformed,
    ];

    /// The word in tables and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Called => "called",
            Self::Away => "away",
            Self::Misconfigured => "misconfigured",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// What a call took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepUsage {
    /// The model that answered, as it names itself.
    pub model: String,
    /// Tokens read, cached ones included.
    pub input_tokens: u32,
    /// Of these, read from the far side's cache.
    pub cached_tokens: u32,
    /// Tokens written, reasoning included.
    pub output_tokens: u32,
    /// Of these, thought and not said.
    pub reasoning_tokens: u32,
    /// What it cost in US dollars, where the prices are known.
    pub cost_usd: Option<f64>,
}

impl StepUsage {
    /// Both together; the model is the later one's.
    #[must_use]
    pub fn and(self, later: &Self) -> Self {
        let cost_usd = match (self.cost_usd, later.cost_usd) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or_default() + other.unwrap_or_default()),
        };
        Self {
            model: later.model.clone(),
            input_tokens: self.input_tokens.saturating_add(later.input_tokens),
            cached_tokens: self.cached_tokens.saturating_add(later.cached_tokens),
            output_tokens: self.output_tokens.saturating_add(later.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(later.reasoning_tokens),
            cost_usd,
        }
    }
}

/// A step as it is told while a turn runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What came of it.
    pub outcome: StepOutcome,
    /// The function of ours that was called.
    pub function: Option<&'static str>,
    /// What it took, where the far side said so.
    pub usage: Option<StepUsage>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
}

/// A step as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnStep {
    /// The try of the turn that it belongs to, from 1.
    pub attempt: i32,
    /// What came of it.
    pub outcome: StepOutcome,
    /// The function that was called.
    pub function: Option<String>,
    /// What it took, where the far side said so.
    pub usage: Option<StepUsage>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// When it ended.
    pub created_at: DateTime,
}
