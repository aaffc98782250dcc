//! How far forgetting reaches: from what is to be forgotten to all that came of it.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Erasures;
use crate::error::{Error, Result};

/// Things of each kind at most: what one unit of work can hold, and a person can mean.
const MOST: usize = 50_000;
/// Rounds at most: each one finds what came of what the one before found.
const ROUNDS: usize = 16;

/// What goes, by its ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The events that were named, should they be the agent's own.
    pub named: BTreeSet<Uuid>,
    /// Events whose payload goes.
    pub events: BTreeSet<Uuid>,
    /// Turns of which all goes that came of them.
    pub turns: BTreeSet<Uuid>,
    /// Turns of which what they said goes, because it repeats what is forgotten.
    pub repeating: BTreeSet<Uuid>,
    /// What turns wanted to remember.
    pub candidates: BTreeSet<Uuid>,
    /// Memories.
    pub memories: BTreeSet<Uuid>,
    /// Actions.
    pub actions: BTreeSet<Uuid>,
    /// Commands, each with its device.
    pub commands: BTreeSet<(Uuid, Uuid)>,
    /// Artifacts.
    pub artifacts: BTreeSet<Uuid>,
    /// People of whom nobody is to say that they were there.
    pub people: BTreeSet<Uuid>,
}

impl Reach {
    fn size(&self) -> usize {
        self.events.len()
            + self.turns.len()
            + self.repeating.len()
            + self.candidates.len()
            + self.memories.len()
            + self.actions.len()
            + self.commands.len()
            + self.artifacts.len()
    }

    /// Turns that said something which goes.
    #[must_use]
    pub fn spoke(&self) -> Vec<Uuid> {
        self.turns.union(&self.repeating).copied().collect()
    }

    /// Removes these, but for memories, and what is to become some, that are among those.
    pub fn remove_but(&mut self, these: &Self, those: &Self) {
        let is_kept = |id: &Uuid| !these.memories.contains(id) || those.memories.contains(id);
        self.memories.retain(is_kept);
        let is_kept = |id: &Uuid| !these.candidates.contains(id) || those.candidates.contains(id);
        self.candidates.retain(is_kept);
        self.events.retain(|id| !these.events.contains(id));
        self.turns.retain(|id| !these.turns.contains(id));
        self.repeating.retain(|id| !these.turns.contains(id));
        self.actions.retain(|id| !these.actions.contains(id));
        self.commands.retain(|id| !these.commands.contains(id));
        self.artifacts.retain(|id| !these.artifacts.contains(id));
    }

    fn check(&self) -> Result<()> {
        if self.size() <= MOST {
            return Ok(());
        }
        let detail = format!("this would forget more than {MOST} things at once: forget parts of it first");
        Err(Error::conflict("too_much", detail))
    }
}

/// A list for a statement.
pub(super) fn list(ids: &BTreeSet<Uuid>) -> Vec<Uuid> {
    ids.iter().copied().collect()
}

impl Erasures<'_> {
    /// Adds all that came of what is there. `words` is the text search configuration of the agent's language.
    pub async fn grow(&mut self, reach: &mut Reach, words: &str) -> Result<()> {
        for _ in 0..ROUNDS {
            let before = reach.size();
            self.add_turns(reach).await?;
            self.add_memories(reach).await?;
            self.add_actions(reach).await?;
            self.add_repeated(reach, words).await?;
            self.add_said(reach).await?;
            self.add_artifacts(reach).await?;
            reach.check()?;
            if reach.size() == before {
                return Ok(());
            }
        }
        Err(Error::internal("what was forgotten came of itself"))
    }

    /// The earlier and later versions of memories, with what they were before they became some.
    pub async fn add_versions(&mut self, reach: &mut Reach) -> Result<()> {
        for _ in 0..ROUNDS {
            let before = reach.size();
            self.add_memories(reach).await?;
            if reach.size() == before {
                break;
            }
        }
        Ok(())
    }

    /// The events that a memory came from, its earlier and later versions' too.
    pub async fn add_sources(&mut self, reach: &mut Reach) -> Result<()> {
        self.add_memories(reach).await?;
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            // With the eyes of whoever forgets: of a shared memory, what it came from is still somebody's alone.
            "select s.event_id from memory_sources s join events e on e.agent_id = s.agent_id and e.id = s.event_id
             where s.agent_id = $1 and s.candidate_id = any ($2)",
            agent.0,
            &list(&reach.candidates)
        );
        reach.events.extend(found.fetch_all(self.0.connection()).await?);
        Ok(())
    }

    /// An event by its name; of what the agent said, the turn that said it, too.
    pub async fn add_event(&mut self, reach: &mut Reach, event: Uuid) -> Result<()> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select id from turns where agent_id = $1 and reply_event_id = $2",
            agent.0,
            event
        );
        reach
            .repeating
            .extend(found.fetch_all(self.0.connection()).await?);
        reach.named.insert(event);
        reach.events.insert(event);
        Ok(())
    }

    /// The events of a session that hold something.
    pub async fn add_session(&mut self, reach: &mut Reach, session: Uuid) -> Result<()> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select id from events where agent_id = $1 and session_id = $2 and erased_at is null limit $3",
            agent.0,
            session,
            i64::try_from(MOST).unwrap_or(i64::MAX)
        );
        reach.events.extend(found.fetch_all(self.0.connection()).await?);
        reach.check()
    }

    /// Turns that ran, or will, on these events.
    async fn add_turns(&mut self, reach: &mut Reach) -> Result<()> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select distinct i.turn_id from turn_inputs i join turns t on t.agent_id = i.agent_id and t.id = i.turn_id
             where i.agent_id = $1 and i.event_id = any ($2)",
            agent.0,
            &list(&reach.events)
        );
        reach.turns.extend(found.fetch_all(self.0.connection()).await?);
        Ok(())
    }

    /// What these turns remembered, whatever else was a source of it, and the other versions of these memories.
    async fn add_memories(&mut self, reach: &mut Reach) -> Result<()> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            r#"select id as "id!" from memories where agent_id = $1 and superseded_by = any ($2)
               union select superseded_by from memories
               where agent_id = $1 and id = any ($2) and superseded_by is not null"#,
            agent.0,
            &list(&reach.memories)
        );
        reach.memories.extend(found.fetch_all(self.0.connection()).await?);
        let found = sqlx::query!(
            "select c.id, c.memory_id from memory_candidates c
             where c.agent_id = $1 and (c.turn_id = any ($2) or c.memory_id = any ($3) or c.id = any ($4)
               or exists (select from memory_sources s
                 where s.agent_id = c.agent_id and s.candidate_id = c.id and s.event_id = any ($5)))",
            agent.0,
            &list(&reach.turns),
            &list(&reach.memories),
            &list(&reach.candidates),
            &list(&reach.events)
        );
        for row in found.fetch_all(self.0.connection()).await? {
            reach.candidates.insert(row.id);
            reach.memories.extend(row.memory_id);
        }
        Ok(())
    }

    /// What these turns wanted to do.
    async fn add_actions(&mut self, reach: &mut Reach) -> Result<()> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select id from actions where agent_id = $1 and turn_id = any ($2)",
            agent.0,
            &list(&reach.turns)
        );
        reach.actions.extend(found.fetch_all(self.0.connection()).await?);
        Ok(())
    }

    /// What these turns said: the answer, how they ended, and the commands that carried it; and the commands of actions.
    async fn add_said(&mut self, reach: &mut Reach) -> Result<()> {
        let (agent, spoke) = (self.0.agent(), reach.spoke());
        let found = sqlx::query_scalar!(
            "select e.id from turns t join events e on e.agent_id = t.agent_id and e.session_id = t.session_id
             where t.agent_id = $1 and t.id = any ($2) and e.type in ('message.agent', 'turn.ended')
               and e.payload ->> 'turn_id' = t.id::text",
            agent.0,
            &spoke
        );
        reach.events.extend(found.fetch_all(self.0.connection()).await?);
        let found = sqlx::query!(
            "select id, device_id from commands where agent_id = $1 and (turn_id = any ($2) or action_id = any ($3))",
            agent.0,
            &spoke,
            &list(&reach.actions)
        );
        let found = found.fetch_all(self.0.connection()).await?.into_iter();
        reach.commands.extend(found.map(|row| (row.id, row.device_id)));
        Ok(())
    }

    /// The artifacts that these events name.
    async fn add_artifacts(&mut self, reach: &mut Reach) -> Result<()> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select a.id from artifacts a where a.agent_id = $1 and a.state <> 'deleted' and a.id::text in (
               select named #>> '{}' from events e, jsonb_path_query(e.payload, '$.**.artifact_id') as named
               where e.agent_id = $1 and e.id = any ($2))",
            agent.0,
            &list(&reach.events)
        );
        reach
            .artifacts
            .extend(found.fetch_all(self.0.connection()).await?);
        Ok(())
    }
}
