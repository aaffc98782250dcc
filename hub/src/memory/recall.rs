//! Recall: finding what is remembered, and saying why.
//!
//! Two lanes look: by words, and by meaning where the question has an embedding. Each gives ranks and scores of its own, and
//! `fuse` makes one score of them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Memory, MemorySource,
    ask::Meaning,
    fuse::{Found, fuse},
};
use crate::{
    error::{Error, Result},
    events::payload::check_text,
    ids::MemoryId,
    places::gate::usable_memories,
    storage::{Tx, VectorHit, WordHit},
};

/// Characters of a question at most.
pub const MAX_QUESTION: usize = 2_000;
/// Results at most.
pub const MAX_RESULTS: u32 = 50;
/// What a turn reads has two words of the question, or this share of them, or is this near in meaning. Measured with 30 memories of
/// a household and 40 things said there, English, MiniLM-L6: of 35 pairs that belong together one shared word or the lane's own
/// least cosine (0.25) finds 34, and 116 of 1,165 that do not; this rule 30, and 28; without the lane of meaning 20 and 6 instead of
/// 29 and 50. What it leaves out is there for a question of the model's own, which is shorter.
const READ_WORDS: usize = 2;
const READ_SHARE: f32 = 0.5;
const READ_COSINE: f32 = 0.35;
/// Matches read of a lane for each result wanted, so that what is fused can still change the order.
const DEPTH: u32 = 4;
/// Matches that a lane gives at most.
const DEEPEST: i32 = 200;

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
    /// What the words lane says; null where it did not find it.
    pub words: Option<WordsLane>,
    /// What the vector lane says; null where it did not find it, or took no part.
    pub vector: Option<VectorLane>,
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

/// What the vector lane says of a memory.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VectorLane {
    /// 1 for the first.
    pub rank: u32,
    /// The cosine of question and memory: 1 is the same meaning, 0 none in common.
    pub score: f32,
    /// The model that compared them.
    pub model: String,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// In plain words.
    pub text: &'a str,
    /// The text search configuration of the agent's language.
    pub words: &'a str,
    /// What it means, as `ask` found before the unit of work.
    pub meaning: &'a Meaning,
    /// Results at most.
    pub most: u32,
}

/// Refuses what cannot be asked.
pub fn check(text: &str, most: u32) -> Result<()> {
    check_text(text, MAX_QUESTION).map_err(|detail| Error::invalid("/question", detail))?;
    if (1..=MAX_RESULTS).contains(&most) {
        Ok(())
    } else {
        let detail = format!("must be between 1 and {MAX_RESULTS}");
        Err(Error::invalid("/limit", detail))
    }
}

/// Finds memories that the unit of work may see, best first.
pub async fn recall(tx: &mut Tx, question: &Question<'_>) -> Result<Vec<Recalled>> {
    best(tx, question, |_| true).await
}

/// The best of those that are wanted. What was learnt in a space that is private now is left out, for whoever asks; where that
/// leaves too few, the lanes are read as deep as they go, so that a private room does not hide what others know.
async fn best(tx: &mut Tx, question: &Question<'_>, is_wanted: fn(&Why) -> bool) -> Result<Vec<Recalled>> {
    check(question.text, question.most)?;
    let depth = i32::try_from(question.most * DEPTH).unwrap_or(i32::MAX);
    let (mut found, is_hidden) = look(tx, question, depth, is_wanted).await?;
    if is_hidden && found.len() < question.most as usize {
        (found, _) = look(tx, question, DEEPEST, is_wanted).await?;
    }
    add_sources(tx, &mut found).await?;
    Ok(found)
}

/// What the lanes find at a depth, and whether some of it is of a private space.
async fn look(
    tx: &mut Tx,
    question: &Question<'_>,
    depth: i32,
    is_wanted: fn(&Why) -> bool,
) -> Result<(Vec<Recalled>, bool)> {
    let words = tx
        .memories()
        .by_words(question.text, question.words, depth)
        .await?;
    let (model, vectors) = by_meaning(tx, question.meaning, depth).await?;
    let ids: Vec<Uuid> = words.iter().map(|hit| hit.id.0).collect();
    let others = vectors.iter().map(|hit| hit.id.0).filter(|id| !ids.contains(id));
    let ids: Vec<Uuid> = ids.iter().copied().chain(others).collect();
    let usable = usable_memories(tx, &ids).await?;
    let is_hidden = ids.iter().any(|id| !usable.contains(id));
    let mut memories: HashMap<MemoryId, Memory> = tx
        .memories()
        .by_ids(&ids)
        .await?
        .into_iter()
        .filter(|memory| usable.contains(&memory.id.0))
        .map(|memory| (memory.id, memory))
        .collect();
    let mut words: HashMap<MemoryId, (u32, WordHit)> = (1..)
        .zip(words)
        .map(|(rank, hit)| (hit.id, (rank, hit)))
        .collect();
    let vectors: HashMap<MemoryId, (u32, f32)> = (1..)
        .zip(vectors)
        .map(|(rank, hit)| (hit.id, (rank, hit.cosine)))
        .collect();
    let now = tx.now();
    let mut found: Vec<Recalled> = ids
        .into_iter()
        .map(MemoryId)
        .filter_map(|id| {
            let found = Found {
                memory: memories.remove(&id)?,
                words: words.remove(&id),
                vector: vectors.get(&id).copied(),
            };
            Some(fuse(found, model, now))
        })
        .filter(|recalled| is_wanted(&recalled.why))
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(question.most as usize);
    Ok((found, is_hidden))
}

/// What a turn reads of what is found. What a turn comes to is believed no further than the least of what it read (DESIGN 11), so
/// that something from outside which only shares a common word with what was said would make all that is learnt a stranger's.
pub async fn recall_for_turn(tx: &mut Tx, question: &Question<'_>) -> Result<Vec<Recalled>> {
    // Before the best are taken: what is not read must not stand in the way of what is.
    best(tx, question, Why::is_near).await
}

impl Why {
    /// Whether it bears on the question so much that a turn reads it.
    #[must_use]
    pub fn is_near(&self) -> bool {
        let in_words = |lane: &WordsLane| lane.matched.len() >= READ_WORDS || lane.coverage() >= READ_SHARE;
        self.words.as_ref().is_some_and(in_words)
            || self.vector.as_ref().is_some_and(|lane| lane.score >= READ_COSINE)
    }
}

/// What the vector lane finds, with the name of its model.
async fn by_meaning<'a>(tx: &mut Tx, meaning: &'a Meaning, depth: i32) -> Result<(&'a str, Vec<VectorHit>)> {
    let Meaning::On {
        model,
        embedding,
        least_cosine,
    } = meaning
    else {
        return Ok(("", Vec::new()));
    };
    let mut hits = tx.embeddings().nearest(embedding, model, depth).await?;
    hits.retain(|hit| hit.cosine >= *least_cosine);
    Ok((&model.name, hits))
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

async fn add_sources(tx: &mut Tx, found: &mut [Recalled]) -> Result<()> {
    let ids: Vec<Uuid> = found.iter().map(|recalled| recalled.memory.id.0).collect();
    for (memory, source) in tx.memories().sources(&ids).await? {
        if let Some(recalled) = found.iter_mut().find(|recalled| recalled.memory.id == memory) {
            recalled.why.sources.push(source);
        }
    }
    Ok(())
}
