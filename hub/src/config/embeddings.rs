//! What makes embeddings, by which recall finds what was said in other words. Without a model or a key recall is by words.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{ConfigError, ModelConfig, OPENAI, between, hidden, within};
use crate::memory::embedding::{Dimensions, EmbeddingModel};

/// The section `embeddings`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingsConfig {
    /// The key of the API. Empty: the model's, where both are at one address; else none, as for a model on this machine.
    #[serde(serialize_with = "hidden")]
    pub api_key: SecretString,
    /// Where `/embeddings` is: OpenAI, or anything that speaks it.
    pub base_url: String,
    /// Which model. Empty: none, and recall is by words.
    pub model: String,
    /// How many numbers it gives for a text: 384, 768, 1024 or 1536.
    pub dimensions: u32,
    /// Texts a call.
    pub batch: usize,
    /// How long one call for memories may take, in milliseconds.
    pub timeout_ms: u64,
    /// How long somebody who asks waits for the embedding of the question, in milliseconds.
    pub question_timeout_ms: u64,
    /// What is less near than this, as a cosine, is not found by meaning.
    pub least_cosine: f64,
}

impl Default for EmbeddingsConfig {
    fn default() -> Self {
        Self {
            api_key: SecretString::from(""),
            base_url: OPENAI.to_owned(),
            model: "text-embedding-3-small".to_owned(),
            dimensions: 1536,
            batch: 32,
            timeout_ms: 20_000,
            question_timeout_ms: 2_000,
            least_cosine: 0.25,
        }
    }
}

impl EmbeddingsConfig {
    /// The key to send. The model's key goes to the model's address only.
    #[must_use]
    pub fn key(&self, model: &ModelConfig) -> SecretString {
        let is_own = !self.api_key.expose_secret().is_empty();
        let is_elsewhere = self.base_url.trim_end_matches('/') != model.base_url.trim_end_matches('/');
        if is_own || is_elsewhere {
            self.api_key.clone()
        } else {
            model.api_key.clone()
        }
    }

    /// What to ask for embeddings; none: recall is by words.
    #[must_use]
    pub fn chosen(&self, model: &ModelConfig) -> Option<EmbeddingModel> {
        let is_reachable = self.base_url != OPENAI || !self.key(model).expose_secret().is_empty();
        let dimensions = Dimensions::of(self.dimensions)?;
        (is_reachable && !self.model.is_empty()).then(|| EmbeddingModel {
            name: self.model.clone(),
            dimensions,
        })
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_url = self.base_url.starts_with("https://") || self.base_url.starts_with("http://");
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        within(
            is_url && is_plain(&self.base_url),
            "embeddings.base_url",
            "must be a URL like https://api.openai.com/v1",
        )?;
        within(
            is_plain(self.api_key.expose_secret()),
            "embeddings.api_key",
            "must be letters, digits and signs, without spaces",
        )?;
        within(
            self.model.len() <= 200 && is_plain(&self.model),
            "embeddings.model",
            "must be the name of a model, at most 200 characters, or empty for none",
        )?;
        within(
            Dimensions::of(self.dimensions).is_some(),
            "embeddings.dimensions",
            "must be 384, 768, 1024 or 1536",
        )?;
        between(self.batch, 1..=256, "embeddings.batch")?;
        between(self.timeout_ms, 100..=44_000, "embeddings.timeout_ms")?;
        between(
            self.question_timeout_ms,
            50..=10_000,
            "embeddings.question_timeout_ms",
        )?;
        between(self.least_cosine, 0.0..=1.0, "embeddings.least_cosine")
    }
}
