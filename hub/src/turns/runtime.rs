//! The port of what thinks: our planner, the offline rules, later a remote agent.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Block,
    context::{Input, TurnContext},
    step::Step,
};
use crate::{
    actions::propose::ActionProposal,
    clock::DateTime,
    error::Result,
    memory::{commit::MemoryProposal, recall::Recalled},
    storage::AgentBrief,
};

/// What a run of the agent came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thought {
    /// The reply; empty: none.
    pub reply: Vec<Block>,
    /// What to remember.
    pub memories: Vec<MemoryProposal>,
    /// What to do.
    pub actions: Vec<ActionProposal>,
    /// What its memories come from.
    pub basis: Basis,
    /// What it used, for the record.
    pub usage: Value,
}

/// What the memories of a thought come from, and so how far they may be believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Basis {
    /// All that was read: the inputs, the recent talk, what was recalled, and what was looked up on the way.
    #[default]
    AllRead,
    /// The words of the inputs alone.
    Inputs,
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

/// How a far side is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Health {
    /// Nobody has asked it yet.
    #[default]
    Unasked,
    /// It answers.
    Answers,
    /// It is not reachable, too slow, overloaded or broken.
    Away,
    /// It refuses the hub: somebody has to correct the configuration.
    Refuses,
}

/// How a far side is doing, and since when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// How.
    pub health: Health,
    /// Since when; none while nobody has asked.
    pub since: Option<DateTime>,
}

/// The way back to the hub while a run thinks. Nothing that is said here is final: that is what the run comes to.
#[async_trait]
pub trait Sink: Send + Sync {
    /// More of the reply, as it is written.
    fn say(&self, text: &str);

    /// What was said so far does not count.
    fn restart(&self);

    /// A call of a model has ended.
    fn step(&self, step: Step);

    /// What is remembered about a question, with the eyes of the turn.
    async fn recall(&self, question: &str) -> Result<Vec<Recalled>>;
}

/// What thinks for an agent.
#[async_trait]
pub trait AgentRuntime: Send + Sync {
    /// Its name in turns and logs.
    fn name(&self) -> &'static str;

    /// What it wants recalled before it thinks, for an input.
    fn questions(&self, agent: &AgentBrief, input: &Input) -> Vec<String>;

    /// How what it needs from outside is doing, as this process knows; none where it needs nothing.
    fn standing(&self) -> Option<Standing> {
        None
    }

    /// Thinks. Must end at the deadline or when cancelled; has no effect of its own, but for what it says to the sink.
    async fn run(
        &self,
        context: &TurnContext,
        sink: &dyn Sink,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> std::result::Result<Thought, RuntimeError>;
}
