//! The language model. Without a key and with the usual address there is none, and the offline rules think.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{ConfigError, between, hidden, within};
use crate::turns::WhenModelDown;

/// Where OpenAI's own API is.
pub(super) const OPENAI: &str = "https://api.openai.com/v1";

/// The section `model`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// The key of the API; also read from `OPENAI_API_KEY`. Empty: none, as for a model on this machine.
    #[serde(serialize_with = "hidden")]
    pub api_key: SecretString,
    /// Where the Responses API is: OpenAI, or anything that speaks it.
    pub base_url: String,
    /// Who vouches for it besides those that this machine trusts: certificates in PEM. For a model in the house.
    pub ca_file: PathBuf,
    /// Which model.
    pub name: String,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: u64,
    /// Tokens of an answer at most, thinking included.
    pub max_output_tokens: u32,
    /// What a million tokens cost that it reads, in US dollars; 0: not known.
    pub input_usd: f64,
    /// What a million tokens cost that it writes, in US dollars; 0: not known.
    pub output_usd: f64,
    /// What happens to turns while the model is away, for agents whose owner has not chosen.
    pub when_down: WhenModelDown,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            api_key: SecretString::from(""),
            base_url: OPENAI.to_owned(),
            ca_file: PathBuf::new(),
            name: "gpt-5-mini".to_owned(),
            timeout_ms: 40_000,
            max_output_tokens: 4_000,
            input_usd: 0.0,
            output_usd: 0.0,
            when_down: WhenModelDown::default(),
        }
    }
}

impl ModelConfig {
    /// Whether there is a model to ask.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.api_key.expose_secret().is_empty() || self.base_url != OPENAI
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_url = self.base_url.starts_with("https://") || self.base_url.starts_with("http://");
        let is_plain = self.base_url.bytes().all(|byte| byte.is_ascii_graphic());
        within(
            is_url && is_plain,
            "model.base_url",
            "must be a URL like https://api.openai.com/v1",
        )?;
        let is_header = self
            .api_key
            .expose_secret()
            .bytes()
            .all(|byte| byte.is_ascii_graphic());
        within(
            is_header,
            "model.api_key",
            "must be letters, digits and signs, without spaces",
        )?;
        let is_name =
            (1..=200).contains(&self.name.len()) && self.name.bytes().all(|byte| byte.is_ascii_graphic());
        within(
            is_name,
            "model.name",
            "must be the name of a model, 1 to 200 characters",
        )?;
        // Within the time of a turn, so that what is late is the model's and not the turn's.
        between(self.timeout_ms, 100..=44_000, "model.timeout_ms")?;
        between(self.max_output_tokens, 100..=100_000, "model.max_output_tokens")?;
        between(self.input_usd, 0.0..=10_000.0, "model.input_usd")?;
        between(self.output_usd, 0.0..=10_000.0, "model.output_usd")
    }
}
