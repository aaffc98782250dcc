//! What questions mean: their embeddings, made before any unit of work begins, since the far side may take its time.
//!
//! Whatever goes wrong out there, the answer is that recall is by words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::embedding::{Embedding, EmbeddingModel};
use crate::{error::Result, hub::Hub};

/// What is known of a question's meaning.
#[derive(Debug, Clone)]
pub enum Meaning {
    /// No embedding model is configured.
    Off,
    /// It is away, or took too long.
    Away,
    /// Its embedding.
    On {
        /// Of the model that is asked now.
        model: EmbeddingModel,
        /// The embedding.
        embedding: Embedding,
        /// What is less near is not found by meaning.
        least_cosine: f32,
    },
}

/// Whether a lane of recall took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// It did.
    On,
    /// It is not configured.
    Off,
    /// What it needs is away; the others answered.
    Away,
}

impl Meaning {
    /// Whether the vector lane takes part.
    #[must_use]
    pub const fn lane(&self) -> LaneState {
        match self {
            Self::Off => LaneState::Off,
            Self::Away => LaneState::Away,
            Self::On { .. } => LaneState::On,
        }
    }
}

/// What each of these questions means, in one call.
pub async fn ask(hub: &Hub, questions: &[String]) -> Result<Vec<Meaning>> {
    let Some(configured) = hub.embeddings.model() else {
        return Ok(vec![Meaning::Off; questions.len()]);
    };
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let model = asked_model(hub, configured).await?;
    let Ok(embeddings) = hub.embeddings.of_questions(hub.clock.now(), questions).await else {
        return Ok(vec![Meaning::Away; questions.len()]);
    };
    let on = |embedding| Meaning::On {
        model: model.clone(),
        embedding,
        least_cosine: hub.embeddings.least_cosine(),
    };
    Ok(embeddings.into_iter().map(on).collect())
}

/// The same of one question.
pub async fn ask_one(hub: &Hub, question: &str) -> Result<Meaning> {
    let meanings = ask(hub, &[question.to_owned()]).await?;
    Ok(meanings.into_iter().next().unwrap_or(Meaning::Off))
}

/// The active model; the configured one where none is yet.
async fn asked_model(hub: &Hub, configured: &EmbeddingModel) -> Result<EmbeddingModel> {
    if let Some(model) = hub.embeddings.asked_model() {
        return Ok(model);
    }
    let known = hub.db.begin_system().await?.embeddings().models().await?;
    let active = known.into_iter().find(|known| known.is_active);
    let model = active.map_or_else(|| configured.clone(), |known| known.model);
    hub.embeddings.ask_model(model.clone());
    Ok(model)
}
