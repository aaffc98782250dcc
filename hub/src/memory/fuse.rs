//! How one score is made of what the lanes say of a memory.
//!
//! A lane gives a memory `1 / (60 + rank)`, the usual reciprocal rank, times how near the lane itself says that it is: the share
//! of the question's words that it holds, or the cosine of the two meanings. What two lanes found has both. Recency, importance
//! and tier add at most a share of a first rank, times the nearer of the two.
//!
//! So a memory with half of the words is half as near, whatever its rank; one that has none of them and is near in meaning loses
//! nothing for that; and a far one does not climb because it is new. Where only words look, scores are what words alone give.

use super::{
    Memory, Tier,
    recall::{Recalled, VectorLane, Why, WordsLane},
};
use crate::{clock::DateTime, storage::WordHit};

/// Reciprocal rank fusion's usual constant: how much the first ranks of a lane stand out.
const FUSION: f32 = 60.0;
/// A memory's recency counts half after this many days.
const HALF_LIFE_DAYS: f32 = 30.0;
/// Bounds of what recency, importance and tier may add, as shares of the score of a first rank.
const RECENCY_SHARE: f32 = 0.15;
const IMPORTANCE_SHARE: f32 = 0.15;
const TIER_SHARE: f32 = 0.3;

/// A memory with what the lanes say of it.
#[derive(Debug)]
pub(super) struct Found {
    /// The memory.
    pub(super) memory: Memory,
    /// Its rank among those that words found.
    pub(super) words: Option<(u32, WordHit)>,
    /// Its rank among those that meaning found, and the cosine.
    pub(super) vector: Option<(u32, f32)>,
}

/// The memory with its score, and how that was made. `model` compared the meanings.
pub(super) fn fuse(found: Found, model: &str, now: DateTime) -> Recalled {
    let Found {
        memory,
        words,
        vector,
    } = found;
    let words = words.map(|(rank, hit)| words_lane(rank, hit));
    let vector = vector.map(|(rank, score)| VectorLane {
        rank,
        score,
        model: model.to_owned(),
    });
    let coverage = words.as_ref().map_or(0.0, WordsLane::coverage);
    let closeness = vector.as_ref().map_or(0.0, |lane| lane.score.clamp(0.0, 1.0));
    let lanes = words.as_ref().map_or(0.0, |lane| reciprocal(lane.rank)) * coverage
        + vector.as_ref().map_or(0.0, |lane| reciprocal(lane.rank)) * closeness;
    let first = reciprocal(1);
    let recency = first * RECENCY_SHARE * recency(memory.created_at, now);
    let importance = first * IMPORTANCE_SHARE * memory.importance;
    let tier = first * TIER_SHARE * weight(memory.tier);
    Recalled {
        score: lanes + (recency + importance + tier) * coverage.max(closeness),
        memory,
        why: Why {
            words,
            vector,
            recency,
            importance,
            tier,
            sources: Vec::new(),
        },
    }
}

impl WordsLane {
    /// The share of the question's words that the memory holds.
    #[must_use]
    pub fn coverage(&self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "words of a question are few")]
        let share = self.matched.len() as f32 / self.asked.max(1) as f32;
        share
    }
}

fn words_lane(rank: u32, hit: WordHit) -> WordsLane {
    WordsLane {
        rank,
        score: hit.score,
        matched: hit.matched,
        asked: u32::try_from(hit.asked).unwrap_or_default(),
    }
}

fn reciprocal(rank: u32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    let rank = rank as f32;
    1.0 / (FUSION + rank)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::Trust,
        ids::{MemoryId, SpaceId},
    };

    fn memory() -> Memory {
        Memory {
            id: MemoryId::mint(),
            tier: Tier::Semantic,
            content: "a fact".to_owned(),
            importance: 0.5,
            confidence: 1.0,
            trust: Trust::Owner,
            audience_person_id: None,
            space_id: SpaceId::mint(),
            session_id: None,
            valid_from: DateTime::UNIX_EPOCH,
            valid_until: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    /// The score of a fact that holds so many of four words, and is so near.
    fn score(words: Option<(u32, usize)>, vector: Option<(u32, f32)>) -> f32 {
        let memory = memory();
        let hit = |matched: usize| WordHit {
            id: memory.id,
            score: 0.1,
            matched: vec!["word".to_owned(); matched],
            asked: 4,
        };
        let words = words.map(|(rank, matched)| (rank, hit(matched)));
        let found = Found {
            memory,
            words,
            vector,
        };
        fuse(found, "a model", DateTime::UNIX_EPOCH).score
    }

    #[test]
    fn what_only_meaning_found_is_not_punished_for_its_words() {
        assert!(score(None, Some((1, 0.8))) > score(Some((1, 2)), None));
        let alone = score(None, Some((1, 0.8)));
        let by_words = score(Some((1, 4)), None);
        assert!((alone / by_words - 0.8).abs() < 1e-4, "{alone} {by_words}");
    }

    #[test]
    fn what_both_lanes_found_is_before_what_one_found() {
        assert!(score(Some((2, 4)), Some((2, 0.9))) > score(Some((1, 4)), None));
        assert!(score(Some((2, 4)), Some((2, 0.9))) > score(None, Some((1, 1.0))));
    }

    #[test]
    fn words_alone_score_as_they_did_without_the_other_lane() {
        let first = 1.0 / 61.0;
        let expected = (1.0 / 63.0 + first * (0.15 + 0.15 * 0.5 + 0.3)) * 0.5;
        assert!((score(Some((3, 2)), None) - expected).abs() < 1e-6);
    }
}
