//! Memories, candidates and their sources.

use serde_json::Value;
use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    identity::Trust,
    ids::{CandidateId, ConsentId, DeviceId, EventId, MemoryId, PersonId, SessionId, SpaceId, TurnId},
    memory::{Memory, MemorySource, Tier},
    page::PageRequest,
};

/// The tables of memory.
pub struct Memories<'a>(&'a mut Tx);

impl Tx {
    /// The tables of memory.
    pub fn memories(&mut self) -> Memories<'_> {
        Memories(self)
    }
}

/// What a turn wants to remember.
#[derive(Debug)]
pub struct NewCandidate<'a> {
    /// Its id.
    pub id: CandidateId,
    /// The turn.
    pub turn: TurnId,
    /// What kind of thing.
    pub tier: Tier,
    /// What.
    pub content: &'a str,
    /// The salt of its commitment.
    pub salt: [u8; 32],
    /// 0 to 1.
    pub importance: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// How far its sources may be believed.
    pub trust: Trust,
    /// Who may see it.
    pub audience: Option<PersonId>,
    /// The events it came from.
    pub sources: &'a [Uuid],
    /// The memory it became, if it was committed by itself.
    pub memory: Option<MemoryId>,
    /// The grants by which it is remembered, where it took any.
    pub consents: &'a [ConsentId],
}

/// A memory to commit.
#[derive(Debug)]
pub struct NewMemory<'a> {
    /// Its id.
    pub id: MemoryId,
    /// What kind of thing.
    pub tier: Tier,
    /// What.
    pub content: &'a str,
    /// The salt of its commitment.
    pub salt: [u8; 32],
    /// The text search configuration of the agent's language.
    pub words: &'a str,
    /// 0 to 1.
    pub importance: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// How far its sources may be believed.
    pub trust: Trust,
    /// Who may see it.
    pub audience: Option<PersonId>,
    /// Where it was learnt.
    pub space: SpaceId,
    /// In which session.
    pub session: SessionId,
    /// The grants by which it is remembered, where it took any. They stand with its candidate, and the first here, too: a hub of
    /// before there could be several asks for that.
    pub consents: &'a [ConsentId],
}

/// A memory that words found.
#[derive(Debug, Clone)]
pub struct WordHit {
    /// The memory.
    pub id: MemoryId,
    /// Higher is nearer.
    pub score: f32,
    /// The words of the question that it holds, in their root form.
    pub matched: Vec<String>,
    /// How many words the question has.
    pub asked: i32,
}

struct MemoryRow {
    id: Uuid,
    tier: String,
    content: String,
    importance: f32,
    confidence: f32,
    trust: String,
    audience_person_id: Option<Uuid>,
    space_id: Uuid,
    session_id: Option<Uuid>,
    valid_from: DateTime,
    valid_until: Option<DateTime>,
    created_at: DateTime,
}

impl TryFrom<MemoryRow> for Memory {
    type Error = Error;

    fn try_from(row: MemoryRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            tier: Tier::parse(&row.tier).ok_or_else(|| Error::internal("a memory of an unknown tier"))?,
            content: row.content,
            importance: row.importance,
            confidence: row.confidence,
            trust: Trust::parse(&row.trust),
            audience_person_id: row.audience_person_id.map(PersonId),
            space_id: row.space_id.into(),
            session_id: row.session_id.map(SessionId),
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            created_at: row.created_at,
        })
    }
}

impl Memories<'_> {
    /// Inserts a candidate with its sources, and the grants by which it is remembered.
    pub async fn insert_candidate(&mut self, new: &NewCandidate<'_>) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let consents: Vec<Uuid> = new.consents.iter().map(|id| id.0).collect();
        let (state, decided) = if new.memory.is_some() {
            ("committed", Some(now))
        } else {
            ("candidate", None)
        };
        sqlx::query!(
            "with candidate as (insert into memory_candidates (agent_id, id, turn_id, tier, content, content_salt,
                 importance, confidence, trust, state, audience_person_id, memory_id, created_at, decided_at, consent_id)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, ($16::uuid[])[1])),
               grants as (insert into memory_consents (agent_id, candidate_id, consent_id) select $1, $2, unnest($16::uuid[]))
             insert into memory_sources (agent_id, candidate_id, event_id) select $1, $2, unnest($15::uuid[])",
            agent.0,
            new.id.0,
            new.turn.0,
            new.tier.as_str(),
            new.content,
            new.salt.as_slice(),
            new.importance,
            new.confidence,
            new.trust.as_str(),
            state,
            new.audience.map(|id| id.0),
            new.memory.map(|id| id.0),
            now,
            decided,
            new.sources,
            &consents
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Inserts a memory.
    pub async fn insert(&mut self, new: &NewMemory<'_>) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "insert into memories (agent_id, id, tier, content, content_salt, words, importance, confidence, trust,
               lifecycle, audience_person_id, space_id, session_id, valid_from, created_at, consent_id)
             values ($1, $2, $3, $4, $5, to_tsvector($6::text::regconfig, $4), $7, $8, $9, 'committed', $10, $11, $12,
               $13, $13, $14)",
            agent.0,
            new.id.0,
            new.tier.as_str(),
            new.content,
            new.salt.as_slice(),
            new.words,
            new.importance,
            new.confidence,
            new.trust.as_str(),
            new.audience.map(|id| id.0),
            new.space.0,
            new.session.0,
            now,
            new.consents.first().map(|id| id.0)
        )
        .execute(self.0.connection())
        .await?;
        one(done.rows_affected(), "a memory was not inserted")
    }

    /// Searches by words, best first.
    pub async fn by_words(&mut self, question: &str, words: &str, most: i32) -> Result<Vec<WordHit>> {
        let rows = sqlx::query!(
            r#"select memory_id as "memory_id!", word_score as "word_score!", matched as "matched!", asked as "asked!"
               from recall_words($1, $2::text::regconfig, $3)"#,
            question,
            words,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let hits = rows.into_iter().map(|row| WordHit {
            id: MemoryId(row.memory_id),
            score: row.word_score,
            matched: row.matched,
            asked: row.asked,
        });
        Ok(hits.collect())
    }

    /// One that is committed, held until the unit of work ends.
    pub async fn hold(&mut self, id: MemoryId) -> Result<Option<Memory>> {
        let agent = self.0.agent();
        let held = sqlx::query_scalar!(
            "select id from memories where agent_id = $1 and id = $2 for no key update",
            agent.0,
            id.0
        );
        match held.fetch_optional(self.0.connection()).await? {
            Some(_) => Ok(self.by_ids(&[id.0]).await?.pop()),
            None => Ok(None),
        }
    }

    /// Gives one that is held to the household, with what the turn wanted to remember, which is the same; not what it came from.
    pub async fn share(&mut self, id: MemoryId) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "update memory_candidates set audience_person_id = null where agent_id = $1 and memory_id = $2",
            agent.0,
            id.0
        )
        .execute(self.0.connection())
        .await?;
        let done = sqlx::query!(
            "update memories set audience_person_id = null where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a memory that is held was not shared")
    }

    /// Memories by their ids, in no order; of talk that the reader may not see, the session is not named.
    pub async fn by_ids(&mut self, ids: &[Uuid]) -> Result<Vec<Memory>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            MemoryRow,
            "select id, tier, content, importance, confidence, trust, audience_person_id, space_id,
               (select s.id from sessions s where s.agent_id = memories.agent_id and s.id = memories.session_id) as session_id,
               valid_from, valid_until, created_at
             from memories where agent_id = $1 and id = any ($2) and lifecycle = 'committed'",
            agent.0,
            ids
        );
        rows.fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Memory::try_from)
            .collect()
    }

    /// A page of memories, newest first, of one tier or of all.
    pub async fn list(&mut self, tier: Option<Tier>, page: PageRequest) -> Result<Vec<Memory>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            MemoryRow,
            "select id, tier, content, importance, confidence, trust, audience_person_id, space_id,
               (select s.id from sessions s where s.agent_id = memories.agent_id and s.id = memories.session_id) as session_id,
               valid_from, valid_until, created_at
             from memories
             where agent_id = $1 and lifecycle = 'committed' and ($2::text is null or tier = $2)
               and ($3::uuid is null or id < $3)
             order by id desc limit $4",
            agent.0,
            tier.map(Tier::as_str),
            page.after,
            page.rows()
        );
        rows.fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Memory::try_from)
            .collect()
    }

    /// The sources of memories: memory id and source, at most three each.
    pub async fn sources(&mut self, ids: &[Uuid]) -> Result<Vec<(MemoryId, MemorySource)>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            r#"select c.memory_id as "memory_id!", e.id, e.type, e.payload, e.device_id, e.recorded_at
               from memory_candidates c
               join lateral (select s.event_id from memory_sources s
                 where s.agent_id = c.agent_id and s.candidate_id = c.id limit 3) s on true
               join events e on e.agent_id = c.agent_id and e.id = s.event_id
               where c.agent_id = $1 and c.memory_id = any ($2)
               order by e.position"#,
            agent.0,
            ids
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let source = MemorySource {
                    event_id: EventId(row.id),
                    event_type: row.r#type,
                    excerpt: row.payload.as_ref().and_then(excerpt),
                    device_id: row.device_id.map(DeviceId),
                    recorded_at: row.recorded_at,
                };
                (MemoryId(row.memory_id), source)
            })
            .collect())
    }
}

/// Characters of an excerpt at most.
const EXCERPT: usize = 200;

fn excerpt(payload: &Value) -> Option<String> {
    let said = payload
        .get("text")
        .or_else(|| payload.pointer("/content/0/text"))?
        .as_str()?;
    Some(said.chars().take(EXCERPT).collect())
}
