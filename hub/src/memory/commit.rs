//! What a turn wants to remember becomes a candidate, and a memory where the rules let it commit by itself.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{MAX_CONTENT, Tier, embed, rules::commits_by_itself};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place, payload::check_text},
    identity::Trust,
    ids::{CandidateId, ConsentId, MemoryId, SessionId, TurnId},
    secret::random_bytes,
    storage::{NewCandidate, NewMemory, Tx},
};

/// What a runtime proposes to remember.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryProposal {
    /// What kind of thing.
    pub tier: Tier,
    /// What.
    pub content: String,
    /// 0 to 1.
    pub importance: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// Which inputs of the turn it comes from, by place; empty: all.
    pub sources: Vec<usize>,
}

impl MemoryProposal {
    /// Those of the inputs that it comes from.
    #[must_use]
    pub fn sources_among(&self, inputs: &[Uuid]) -> Vec<Uuid> {
        let named = self.sources.iter().filter_map(|at| inputs.get(*at).copied());
        let named: Vec<Uuid> = named.collect();
        // No memory without a source.
        if named.is_empty() { inputs.to_vec() } else { named }
    }
}

/// Where a turn's memories belong.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The turn.
    pub turn: TurnId,
    /// Its session.
    pub session: SessionId,
    /// Where, and for whom.
    pub place: Place,
    /// The least trust of the inputs.
    pub trust: Trust,
    /// The inputs.
    pub inputs: &'a [Uuid],
    /// The text search configuration of the agent's language.
    pub words: &'a str,
    /// Whether memories get embeddings.
    pub embeds: bool,
    /// The grants by which it is remembered, where it took any.
    pub consents: &'a [ConsentId],
}

/// Keeps a proposal. Returns the memory it became, and the record with its commitment.
pub async fn keep(
    tx: &mut Tx,
    origin: Origin<'_>,
    proposal: &MemoryProposal,
    record: Record,
) -> Result<Record> {
    check_text(&proposal.content, MAX_CONTENT)
        .map_err(|detail| Error::invalid("/memories/content", detail))?;
    let (candidate, salt) = (CandidateId::mint(), random_bytes());
    let commits = commits_by_itself(proposal.tier, proposal.confidence, origin.trust);
    let memory = commits.then(MemoryId::mint);
    if let Some(id) = memory {
        tx.memories()
            .insert(&new_memory(id, origin, proposal, salt))
            .await?;
        if origin.embeds {
            embed::queue(tx).await?;
        }
    }
    let sources = proposal.sources_among(origin.inputs);
    let new = NewCandidate {
        id: candidate,
        turn: origin.turn,
        tier: proposal.tier,
        content: &proposal.content,
        salt,
        importance: proposal.importance,
        confidence: proposal.confidence,
        trust: origin.trust,
        audience: origin.place.audience,
        sources: &sources,
        memory,
        consents: origin.consents,
    };
    tx.memories().insert_candidate(&new).await?;
    tx.append(told(memory, candidate, proposal.tier, origin.place));
    let content = Value::String(proposal.content.clone());
    let (kind, id) = memory.map_or(("memory_candidate", candidate.0), |id| ("memory", id.0));
    Ok(record.commits(kind, id, &salt, &content))
}

fn new_memory<'a>(
    id: MemoryId,
    origin: Origin<'a>,
    proposal: &'a MemoryProposal,
    salt: [u8; 32],
) -> NewMemory<'a> {
    NewMemory {
        id,
        tier: proposal.tier,
        content: &proposal.content,
        salt,
        words: origin.words,
        importance: proposal.importance,
        confidence: proposal.confidence,
        trust: origin.trust,
        audience: origin.place.audience,
        space: origin.place.space,
        session: origin.session,
        consents: origin.consents,
    }
}

fn told(memory: Option<MemoryId>, candidate: CandidateId, tier: Tier, place: Place) -> NewEvent {
    match memory {
        Some(id) => NewEvent::by_hub(
            EventKind::MemoryCommitted,
            place,
            json!({"memory_id": id, "tier": tier}),
        ),
        None => NewEvent::by_hub(
            EventKind::MemoryProposed,
            place,
            json!({"candidate_id": candidate, "tier": tier}),
        ),
    }
}
