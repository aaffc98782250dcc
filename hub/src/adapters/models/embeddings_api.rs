//! OpenAI's embeddings, or whatever speaks the same at another base URL.

use std::{path::Path, time::Duration};

use async_openai::{
    Client,
    types::embeddings::{
        CreateEmbeddingRequest, CreateEmbeddingResponse, Embedding as Given, EmbeddingInput, EncodingFormat,
    },
};
use async_trait::async_trait;
use secrecy::SecretString;

use super::{
    ModelError,
    account::{self, Account, sorted},
    embedder::Embedder,
};
use crate::{
    config::ConfigError,
    memory::embedding::{Embedding, EmbeddingModel},
};

/// Models that give as many numbers as they are asked for; others refuse to be asked.
const SHORTENS: &str = "text-embedding-3";

/// The API.
pub struct EmbeddingsApi {
    client: Client<Account>,
}

impl EmbeddingsApi {
    /// The API at an address. Nothing is asked yet; certificates that cannot be used are refused.
    pub fn new(
        base_url: &str,
        key: SecretString,
        within: Duration,
        ca_file: &Path,
    ) -> Result<Self, ConfigError> {
        let client = Account::client(base_url, key, account::http(within, ca_file, "model.ca_file")?);
        Ok(Self { client })
    }
}

#[async_trait]
impl Embedder for EmbeddingsApi {
    async fn embed(&self, model: &EmbeddingModel, texts: &[String]) -> Result<Vec<Embedding>, ModelError> {
        let request = CreateEmbeddingRequest {
            model: model.name.clone(),
            input: EmbeddingInput::StringArray(texts.to_vec()),
            encoding_format: Some(EncodingFormat::Float),
            user: None,
            dimensions: model.name.starts_with(SHORTENS).then(|| model.dimensions.count()),
        };
        let answer = self.client.embeddings().create(request).await;
        read(answer.map_err(sorted)?, model, texts.len())
    }
}

/// As many as were asked for, each once, put into their order by their numbers.
fn read(
    answer: CreateEmbeddingResponse,
    model: &EmbeddingModel,
    asked: usize,
) -> Result<Vec<Embedding>, ModelError> {
    let mut given = answer.data;
    given.sort_by_key(|one| one.index);
    let is_whole = given.len() == asked && (0..).zip(&given).all(|(index, one)| one.index == index);
    if !is_whole {
        let reason = format!("{asked} texts were sent, and {} embeddings came", given.len());
        return Err(ModelError::Malformed(reason));
    }
    given.into_iter().map(|one| checked(one, model)).collect()
}

fn checked(given: Given, model: &EmbeddingModel) -> Result<Embedding, ModelError> {
    let (got, expected) = (given.embedding.len(), model.dimensions.count());
    if u32::try_from(got) != Ok(expected) {
        let reason = format!("{} gives {got} dimensions and not {expected}", model.name);
        return Err(ModelError::Misconfigured(reason));
    }
    Embedding::of(given.embedding, model.dimensions).map_err(ModelError::Malformed)
}
