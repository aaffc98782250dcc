//! Recall: finding what is remembered, and saying why.
//!
//! By words for now; each lane gives ranks and scores of its own, and the fused score adds recency, importance and tier.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Memory, MemorySource, Tier};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    events::payload::check_text,
    ids::MemoryId,
    storage::{Tx, WordHit},
};

/// Characters of a question at most.
pub const MAX_QUESTION: usize = 2_000;
/// Results at most.
pub const MAX_RESULTS: u32 = 50;
/// Reciprocal rank fusion's usual constant: how much the first ranks of a lane stand out.
const FUSION: f32 = 60.0;
/// A memory's recency counts half after this many days.
const HALF_LIFE_DAYS: f32 = 30.0;
/// Bounds of what recency, importance and tier may add, as shares of the score of a first rank.
const RECENCY_SHARE: f32 = 0.15;
const IMPORTANCE_SHARE: f32 = 0.15;
const TIER_SHARE: f32 = 0.3;
/// Matches read of a lane for each result wanted, so that what is fused can still change the order.
const DEPTH: u32 = 4;

/// A memory that was found, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Recalled {
    /// The memory.
    pub memory: Memory,
    /// Higher is nearer; comparable within one answer only.
    pub score: f32,
    /// Why it was found.
    pub why: Why,
}

/// Why a memory was found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// What the words lane says.
    pub words: Option<WordsLane>,
    /// What its age added to the score.
    pub recency: f32,
    /// What its importance added.
    pub importance: f32,
    /// What its tier added.
    pub tier: f32,
    /// Where it came from.
    pub sources: Vec<MemorySource>,
}

/// What the words lane says of a memory.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WordsLane {
    /// 1 for the first.
    pub rank: u32,
    /// The lane's own score.
    pub score: f32,
    /// The words of the question that it holds, in their root form.
    pub matched: Vec<String>,
    /// How many words the question has, without the common ones.
    pub asked: u32,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// In plain words.
    pub text: &'a str,
    /// The text search configuration of the agent's language.
    pub words: &'a str,
    /// Results at most.
    pub most: u32,
}

/// Finds memories that the unit of work may see, best first.
pub async fn recall(tx: &mut Tx, question: &Question<'_>) -> Result<Vec<Recalled>> {
    check_text(question.text, MAX_QUESTION).map_err(|detail| Error::invalid("/question", detail))?;
    if !(1..=MAX_RESULTS).contains(&question.most) {
        return Err(Error::invalid(
            "/limit",
            format!("must be between 1 and {MAX_RESULTS}"),
        ));
    }
    let depth = i32::try_from(question.most * DEPTH).unwrap_or(i32::MAX);
    let hits = tx
        .memories()
        .by_words(question.text, question.words, depth)
        .await?;
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.id.0).collect();
    let mut memories: HashMap<MemoryId, Memory> = tx
        .memories()
        .by_ids(&ids)
        .await?
        .into_iter()
        .map(|memory| (memory.id, memory))
        .collect();
    let now = tx.now();
    let mut found: Vec<Recalled> = (1..)
        .zip(hits)
        .filter_map(|(rank, hit)| {
            memories
                .remove(&hit.id)
                .map(|memory| fuse(memory, rank, hit, now))
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(question.most as usize);
    add_sources(tx, &mut found).await?;
    Ok(found)
}

/// The text search configuration of a language; words are compared as they stand where there is none.
#[must_use]
pub fn words_of(language: &str) -> &'static str {
    match language.split(['-', '_']).next().unwrap_or_default() {
        "da" => "danish",
        "de" => "german",
        "en" => "english",
        "es" => "spanish",
        "fi" => "finnish",
        "fr" => "french",
        "it" => "italian",
        "nl" => "dutch",
        "no" | "nb" => "norwegian",
        "pt" => "portuguese",
        "sv" => "swedish",
        _ => "simple",
    }
}

fn fuse(memory: Memory, rank: u32, hit: WordHit, now: DateTime) -> Recalled {
    let first = 1.0 / (FUSION + 1.0);
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    let lane = 1.0 / (FUSION + rank as f32);
    let asked = u32::try_from(hit.asked).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "words of a question are few")]
    let coverage = hit.matched.len() as f32 / asked.max(1) as f32;
    let recency = first * RECENCY_SHARE * recency(memory.created_at, now);
    let importance = first * IMPORTANCE_SHARE * memory.importance;
    let tier = first * TIER_SHARE * weight(memory.tier);
    // A memory with half of the words is half as near, whatever its rank.
    let score = (lane + recency + importance + tier) * coverage;
    let words = Some(WordsLane {
        rank,
        score: hit.score,
        matched: hit.matched,
        asked,
    });
    Recalled {
        memory,
        score,
        why: Why {
            words,
            recency,
            importance,
            tier,
            sources: Vec::new(),
        },
    }
}

fn recency(at: DateTime, now: DateTime) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "an age in seconds is small")]
    let days = (now - at).num_seconds().max(0) as f32 / 86_400.0;
    0.5_f32.powf(days / HALF_LIFE_DAYS)
}

/// What was told to be remembered outweighs what merely happened.
const fn weight(tier: Tier) -> f32 {
    match tier {
        Tier::Episodic => 0.0,
        _ => 1.0,
    }
}

async fn add_sources(tx: &mut Tx, found: &mut [Recalled]) -> Result<()> {
    let ids: Vec<Uuid> = found.iter().map(|recalled| recalled.memory.id.0).collect();
    for (memory, source) in tx.memories().sources(&ids).await? {
        if let Some(recalled) = found.iter_mut().find(|recalled| recalled.memory.id == memory) {
            recalled.why.sources.push(source);
        }
    }
    Ok(())
}
