//! The port of what thinks: our planner, the offline rules, later a remote agent.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Block,
    context::{Input, TurnContext},
};
use crate::{actions::propose::ActionProposal, memory::commit::MemoryProposal};

/// What a run of the agent came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thought {
    /// The reply; empty: none.
    pub reply: Vec<Block>,
    /// What to remember.
    pub memories: Vec<MemoryProposal>,
    /// What to do.
    pub actions: Vec<ActionProposal>,
    /// What it used, for the record.
    pub usage: Value,
}

/// Why a run came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// What the runtime needs is away: the turn waits, and this is not a try.
    #[error("{waiting_for} is not reachable")]
    Away {
        /// What is away.
        waiting_for: String,
        /// When to look again.
        retry_after: Duration,
    },
    /// The answer could not be used: another try may.
    #[error("{0}")]
    Malformed(String),
    /// No try will help.
    #[error("{0}")]
    Refused(String),
}

/// What thinks for an agent.
#[async_trait]
pub trait AgentRuntime: Send + Sync {
    /// Its name in turns and logs.
    fn name(&self) -> &'static str;

    /// What it wants recalled before it thinks, for an input.
    fn questions(&self, input: &Input) -> Vec<String>;

    /// Thinks. Must end at the deadline or when cancelled; has no effect of its own.
    async fn run(
        &self,
        context: &TurnContext,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError>;
}
