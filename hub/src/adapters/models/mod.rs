//! The port of a language model: one question with the shape of its answer. And the port of an embedding model beside it.

mod account;
pub mod embedder;
pub mod embeddings;
pub mod embeddings_api;
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
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// JSON, if it kept to the schema.
    pub text: String,
    /// What it took.
    pub usage: Usage,
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

/// A language model.
#[async_trait]
pub trait Model: Send + Sync {
    /// Asks once. Ends within the configured time.
    async fn ask(&self, request: &Request) -> Result<Answer, ModelError>;
}
