//! The port of an embedding model: texts in, what they mean out.

use async_trait::async_trait;

use super::ModelError;
use crate::memory::embedding::{Embedding, EmbeddingModel};

/// An embedding model's far side. It may know several models.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The embedding of each text, in their order. Ends within the configured time.
    async fn embed(&self, model: &EmbeddingModel, texts: &[String]) -> Result<Vec<Embedding>, ModelError>;
}
