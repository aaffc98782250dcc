//! The port of a language model: one question with the shape of its answer, and functions that it may call before. And the port
//! of an embedding model beside it.

pub(in crate::adapters) mod account;
pub mod embedder;
pub mod embeddings;
pub mod embeddings_api;
mod events;
pub mod responses;
mod transport;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Who it is and what it has to keep to.
    pub instructions: String,
    /// What it is given to think about.
    pub input: String,
    /// The name of the answer's shape: letters, digits, `_` and `-`.
    pub shape: &'static str,
    /// The JSON Schema of the answer, within what strict mode allows.
    pub schema: Value,
    /// What it may call before it answers.
    pub functions: Vec<Function>,
    /// What it has called already on the way to this answer, and what that came to, in order. Nothing is kept at the far
    /// side, so it is told again.
    pub called: Vec<(Call, String)>,
    /// Whether it may still call; otherwise it has to answer now.
    pub may_call: bool,
}

/// A function of ours that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name: letters, digits, `_` and `-`.
    pub name: &'static str,
    /// When to call it and what it answers.
    pub description: &'static str,
    /// The JSON Schema of its arguments, within what strict mode allows.
    pub parameters: Value,
}

/// A model calls a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The far side's name of this call.
    pub id: String,
    /// The function, if there is one of that name.
    pub function: String,
    /// JSON, if it kept to the schema.
    pub arguments: String,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What was said; an answer that came and is of no use has its cost all the same.
    pub said: Result<Said, ModelError>,
    /// What it took.
    pub usage: Usage,
}

/// What a model said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// JSON, if it kept to the schema.
    pub text: String,
    /// What it calls first, instead of answering.
    pub calls: Vec<Call>,
}

/// What an answer took, in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The model that answered, as it names itself.
    pub model: String,
    /// Read, cached ones included.
    pub input_tokens: u32,
    /// Of these, read from the far side's cache.
    pub cached_tokens: u32,
    /// Written, reasoning included.
    pub output_tokens: u32,
    /// Of these, thought and not said.
    pub reasoning_tokens: u32,
}

/// Why there is no answer. No text of a request or an answer is in it, except what a far side says of an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Not reachable, too slow, overloaded or broken: asking again later helps.
    #[error("the model is away: {reason}")]
    Away {
        /// For the operator.
        reason: String,
        /// What the far side asked for.
        retry_after: Option<Duration>,
    },
    /// It cannot answer anyone before somebody changes the configuration: a wrong key, a model that is not there.
    #[error("the model refuses the hub: {0}")]
    Misconfigured(String),
    /// It will never answer this.
    #[error("the model refuses the request: {0}")]
    Refused(String),
    /// It answered, and not so that it can be used: another try may.
    #[error("the model's answer cannot be used: {0}")]
    Malformed(String),
}

impl ModelError {
    /// Away, without a word on for how long.
    pub(crate) fn away(reason: impl Into<String>) -> Self {
        Self::Away {
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// It was still talking when its time was over.
    pub(crate) fn too_long() -> Self {
        Self::Malformed("its answer takes longer than it may".to_owned())
    }
}

/// Hears the text of an answer while it is written. What it heard is no answer: only the end says whether there is one.
pub type OnText<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// A language model.
#[async_trait]
pub trait Model: Send + Sync {
    /// Asks once. Ends within the configured time.
    async fn ask(&self, request: &Request, on_text: &OnText<'_>) -> Result<Answer, ModelError>;
}
