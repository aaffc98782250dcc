//! Tools: the kinds of things an action can do.

mod device_command;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    canonical,
    error::Result,
    identity::Scope,
    ids::{ActionId, AttemptId, PersonId},
    storage::Tx,
};

/// How much harm a tool can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// None that lasts.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// The attempt that an execution belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The action.
    pub action: ActionId,
    /// The try.
    pub attempt: AttemptId,
    /// Who may see it.
    pub audience: Option<PersonId>,
}

/// How an execution went on.
#[derive(Debug, Clone, PartialEq)]
pub enum Execution {
    /// A command is in a mailbox: its result will be the action's.
    Sent,
    /// It cannot be done: nothing was.
    Refused(String),
}

/// A kind of thing that an action can do inside the hub, in the transaction of its attempt.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Its name in actions.
    fn name(&self) -> &'static str;

    /// What it does, for people and for models.
    fn description(&self) -> &'static str;

    /// The JSON Schema of its arguments. An approval is bound to its digest.
    fn argument_schema(&self) -> Value;

    /// The scopes that a policy would have to allow.
    fn required_scopes(&self) -> &'static [Scope];

    /// How much harm it can do.
    fn risk(&self) -> Risk;

    /// Whether running it again with the same token has no second effect.
    fn is_idempotent(&self) -> bool;

    /// Refuses arguments that it could never run with.
    async fn check(&self, tx: &mut Tx, arguments: &Value) -> Result<()>;

    /// Does it.
    async fn execute(&self, tx: &mut Tx, attempt: Attempt, arguments: &Value) -> Result<Execution>;
}

/// The built-in tools.
static BUILT_IN: [&dyn Tool; 1] = [&device_command::DeviceCommand];

/// Every tool.
pub fn all() -> impl Iterator<Item = &'static dyn Tool> {
    BUILT_IN.into_iter()
}

/// A tool by name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Tool> {
    all().find(|tool| tool.name() == name)
}

/// SHA-256 of a tool's canonical argument schema.
#[must_use]
pub fn schema_sha256(tool: &dyn Tool) -> [u8; 32] {
    canonical::sha256(&tool.argument_schema())
}
