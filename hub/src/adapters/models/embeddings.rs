//! What a process knows of its embedding model: what is configured, what is asked, and whether it is away.
//!
//! There are two circuits. Memories can wait, and questions cannot: a model too slow for somebody who waits may still be quick
//! enough for a job, so that the one must not close the way of the other.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{ModelError, embedder::Embedder, embeddings_api::EmbeddingsApi};
use crate::{
    adapters::circuit::Circuit,
    clock::DateTime,
    config::{Config, ConfigError},
    memory::embedding::{Embedding, EmbeddingModel},
    telemetry::metric,
};

/// How long it is believed which model is asked, before the table is read again. An old model's embeddings are kept for much
/// longer than this.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long to wait for somebody to correct the configuration before asking again.
const CONFIGURED_AGAIN: Duration = Duration::from_mins(1);
/// Numbers in an answer at most. In full length each takes some 25 bytes of JSON, and an answer is bounded.
const MOST_NUMBERS: usize = 49_152;

/// The embedding model of a process.
pub struct Embeddings {
    configured: Option<Configured>,
    for_memories: Circuit,
    asked: Mutex<Option<Asked>>,
}

struct Configured {
    embedder: Arc<dyn Embedder>,
    model: EmbeddingModel,
    pace: Pace,
    question_within: Duration,
    least_cosine: f32,
}

/// Texts a call: half as many after one that had no answer in time, one more after each that had. Otherwise a model that is
/// too slow for a whole batch would be asked for the same one for ever.
struct Pace {
    most: usize,
    now: AtomicUsize,
}

impl Pace {
    const fn up_to(most: usize) -> Self {
        Self {
            most,
            now: AtomicUsize::new(most),
        }
    }

    fn now(&self) -> usize {
        self.now.load(Relaxed)
    }

    fn slower(&self, asked: usize) {
        self.now.fetch_min((asked / 2).max(1), Relaxed);
    }

    fn faster(&self, asked: usize) {
        let next = |now: usize| (asked >= now && now < self.most).then(|| now + 1);
        // It is as fast as it may be, or was not asked for as much as that.
        let _ = self.now.fetch_update(Relaxed, Relaxed, next);
    }
}

/// The model that questions are embedded with.
#[derive(Clone)]
struct Asked {
    model: EmbeddingModel,
    circuit: Arc<Circuit>,
    read_at: Instant,
}

/// Why there are no embeddings of a question. It was said in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

impl Configured {
    fn new(config: &Config, model: EmbeddingModel) -> Result<Self, ConfigError> {
        let chosen = &config.embeddings;
        let embedder = EmbeddingsApi::new(
            &chosen.base_url,
            chosen.key(&config.model),
            Duration::from_millis(chosen.timeout_ms),
            &config.model.ca_file,
        )?;
        Ok(Self {
            embedder: Arc::new(embedder),
            pace: Pace::up_to(chosen.batch.min(MOST_NUMBERS / model.dimensions.count() as usize)),
            model,
            question_within: Duration::from_millis(chosen.question_timeout_ms),
            #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
            least_cosine: chosen.least_cosine as f32,
        })
    }
}

impl Embeddings {
    /// As configured. Nothing is asked yet; certificates that cannot be used are refused.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let model = config.embeddings.chosen(&config.model);
        Ok(Self {
            configured: model.map(|model| Configured::new(config, model)).transpose()?,
            for_memories: Circuit::default(),
            asked: Mutex::default(),
        })
    }

    /// The model that memories are to have embeddings of; none: recall is by words.
    #[must_use]
    pub fn model(&self) -> Option<&EmbeddingModel> {
        self.configured.as_ref().map(|configured| &configured.model)
    }

    /// Texts of the next call.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.configured
            .as_ref()
            .map_or(1, |configured| configured.pace.now())
    }

    /// What is less near than this is not found by meaning.
    #[must_use]
    pub fn least_cosine(&self) -> f32 {
        self.configured
            .as_ref()
            .map_or(1.0, |configured| configured.least_cosine)
    }

    /// The embeddings of memories. An outage is said once, when it begins, and says how long to wait.
    pub async fn of_memories(&self, now: DateTime, texts: &[String]) -> Result<Vec<Embedding>, ModelError> {
        let Some(configured) = &self.configured else {
            return Err(ModelError::Misconfigured(
                "no embedding model is configured".to_owned(),
            ));
        };
        self.for_memories.enter(now).map_err(|left| ModelError::Away {
            reason: "it was away a moment ago".to_owned(),
            retry_after: Some(left),
        })?;
        let asked = Instant::now();
        let answer = configured.embedder.embed(&configured.model, texts).await;
        observe("memories", asked, answer.as_ref().err());
        match answer {
            Err(error) => {
                if matches!(error, ModelError::Away { .. }) {
                    configured.pace.slower(texts.len());
                }
                if let Some((wait, is_first)) = failed(&self.for_memories, now, &error) {
                    if is_first {
                        tracing::error!(%error, "memories wait for their embeddings");
                    }
                    return Err(with_wait(error, wait));
                }
                Err(error)
            }
            Ok(embeddings) => {
                configured.pace.faster(texts.len());
                if self.for_memories.answered() {
                    tracing::info!("embeddings of memories are made again");
                }
                Ok(embeddings)
            }
        }
    }

    /// The embeddings of questions, of the model that is asked. Ends within the time that somebody may wait; while the far
    /// side is away it ends at once.
    pub async fn of_questions(&self, now: DateTime, texts: &[String]) -> Result<Vec<Embedding>, Away> {
        let (Some(configured), Some(Asked { model, circuit, .. })) = (&self.configured, self.asked().clone())
        else {
            return Err(Away);
        };
        circuit.enter(now).map_err(|_| Away)?;
        let asked = Instant::now();
        let call = configured.embedder.embed(&model, texts);
        let answer = tokio::time::timeout(configured.question_within, call).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(ModelError::Away {
                reason: "no answer in time".to_owned(),
                retry_after: None,
            })
        });
        observe("questions", asked, answer.as_ref().err());
        answer
            .inspect(|_| {
                if circuit.answered() {
                    tracing::info!("recall is by words and by meaning again");
                }
            })
            .map_err(|error| {
                if failed(&circuit, now, &error).is_none_or(|(_, is_first)| is_first) {
                    tracing::error!(%error, "recall is by words only: a question has no embedding");
                }
                Away
            })
    }

    /// One call, past the circuits, to see whether there is an answer.
    pub async fn try_out(&self) -> Result<(), ModelError> {
        let Some(configured) = &self.configured else {
            return Ok(());
        };
        let word = ["hello".to_owned()];
        configured
            .embedder
            .embed(&configured.model, &word)
            .await
            .map(drop)
    }

    /// The model that is asked, where that was read a moment ago.
    #[must_use]
    pub fn asked_model(&self) -> Option<EmbeddingModel> {
        let asked = self.asked();
        let fresh = asked.as_ref().filter(|asked| asked.read_at.elapsed() < BELIEVED);
        fresh.map(|asked| asked.model.clone())
    }

    /// Notes which model is asked from now on. Another one may be there when the last was away.
    pub fn ask_model(&self, model: EmbeddingModel) {
        let mut asked = self.asked();
        let same = asked.as_ref().filter(|asked| asked.model == model);
        let circuit = same.map_or_else(Arc::default, |asked| Arc::clone(&asked.circuit));
        *asked = Some(Asked {
            model,
            circuit,
            read_at: Instant::now(),
        });
    }

    fn asked(&self) -> MutexGuard<'_, Option<Asked>> {
        // Nothing panics while it is held; and what was forgotten is read again.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the circuit where the far side is away or refuses the hub: how long for, and whether that is new.
fn failed(circuit: &Circuit, now: DateTime, error: &ModelError) -> Option<(Duration, bool)> {
    let asked_for = match error {
        ModelError::Away { retry_after, .. } => *retry_after,
        ModelError::Misconfigured(_) => Some(CONFIGURED_AGAIN),
        ModelError::Refused(_) | ModelError::Malformed(_) => {
            circuit.answered();
            return None;
        }
    };
    Some(circuit.failed(now, asked_for))
}

fn with_wait(error: ModelError, wait: Duration) -> ModelError {
    match error {
        ModelError::Away { reason, .. } => ModelError::Away {
            reason,
            retry_after: Some(wait),
        },
        other => other,
    }
}

fn observe(purpose: &'static str, asked: Instant, error: Option<&ModelError>) {
    let outcome = error.map_or("answered", |error| match error {
        ModelError::Away { .. } => "away",
        ModelError::Misconfigured(_) => "misconfigured",
        ModelError::Refused(_) => "refused",
        ModelError::Malformed(_) => "malformed",
    });
    metrics::histogram!(metric::EMBEDDING_SECONDS, "for" => purpose, "outcome" => outcome)
        .record(asked.elapsed().as_secs_f64());
}
