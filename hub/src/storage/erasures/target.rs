//! What somebody wants forgotten, as they may see it.

use uuid::Uuid;

use super::{Erasures, Reach};
use crate::{
    erasures::Target,
    error::Result,
    identity::Caller,
    ids::{ConsentId, EventId, MemoryId, PersonId, SessionId},
};

/// Memories that a withdrawal takes at once, and as many of what was to become some: with what came of them they stay below what one
/// reach may hold.
const PORTION: i64 = 5_000;

/// Something to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Whose it is; none: the household's.
    pub audience: Option<PersonId>,
    /// Whether the caller said it, all of it.
    pub is_own: bool,
    /// Whether it was erased before.
    pub is_erased: bool,
    /// Whether it is something that somebody said or did.
    pub is_forgettable: bool,
}

impl Erasures<'_> {
    /// Adds what was remembered by any of these grants, and by others besides, and what was to be: a portion of it.
    pub async fn add_remembered_by(&mut self, reach: &mut Reach, grants: &[ConsentId]) -> Result<()> {
        let agent = self.0.agent();
        let grants: Vec<Uuid> = grants.iter().map(|grant| grant.0).collect();
        let memories = sqlx::query_scalar!(
            // The column alone names the grant of what is older than the table.
            r#"select id as "id!" from memories where agent_id = $1 and consent_id = any ($2)
               union
               select c.memory_id from memory_consents g
                 join memory_candidates c on c.agent_id = g.agent_id and c.id = g.candidate_id
               where g.agent_id = $1 and g.consent_id = any ($2) and c.memory_id is not null
               order by 1 limit $3"#,
            agent.0,
            &grants,
            PORTION
        );
        reach
            .memories
            .extend(memories.fetch_all(self.0.connection()).await?);
        let candidates = sqlx::query_scalar!(
            r#"select id as "id!" from memory_candidates where agent_id = $1 and consent_id = any ($2)
               union
               select candidate_id from memory_consents where agent_id = $1 and consent_id = any ($2)
               order by 1 limit $3"#,
            agent.0,
            &grants,
            PORTION
        );
        reach
            .candidates
            .extend(candidates.fetch_all(self.0.connection()).await?);
        Ok(())
    }

    /// Looks it up with the caller's eyes.
    pub async fn find_target(&mut self, target: Target, caller: &Caller) -> Result<Option<Found>> {
        match target {
            Target::Memory { id, .. } => self.find_memory(id, caller).await,
            Target::Event(id) => self.find_event(id, caller).await,
            Target::Session(id) => self.find_session(id).await,
            Target::Person(id) => self.find_person(id, caller).await,
            Target::Consent(_) => Ok(None),
        }
    }

    async fn find_memory(&mut self, id: MemoryId, caller: &Caller) -> Result<Option<Found>> {
        let agent = self.0.agent();
        let (user, person) = (caller.user(), caller.person());
        let row = sqlx::query!(
            r#"select m.audience_person_id, coalesce((select bool_and(coalesce(e.person_id = $4, false)
                   or (e.source_kind = 'user' and coalesce(e.source_id = $3, false)))
                 from memory_candidates c join memory_sources s on s.agent_id = c.agent_id and s.candidate_id = c.id
                   join events e on e.agent_id = s.agent_id and e.id = s.event_id
                 where c.agent_id = m.agent_id and c.memory_id = m.id), false) as "is_own!"
               from memories m where m.agent_id = $1 and m.id = $2"#,
            agent.0,
            id.0,
            user.map(|id| id.0),
            person.map(|id| id.0)
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| Found {
            audience: row.audience_person_id.map(PersonId),
            is_own: row.is_own,
            is_erased: false,
            is_forgettable: true,
        }))
    }

    async fn find_event(&mut self, id: EventId, caller: &Caller) -> Result<Option<Found>> {
        let agent = self.0.agent();
        let (user, person) = (caller.user(), caller.person());
        let row = sqlx::query!(
            r#"select audience_person_id, coalesce(person_id = $4, false)
                 or (source_kind = 'user' and coalesce(source_id = $3, false)) as "is_own!",
                 payload is null as "is_erased!",
                 (type in ('transcript', 'message.user', 'message.agent') or type ^@ 'x.') as "is_forgettable!"
               from events where agent_id = $1 and id = $2"#,
            agent.0,
            id.0,
            user.map(|id| id.0),
            person.map(|id| id.0)
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| Found {
            audience: row.audience_person_id.map(PersonId),
            is_own: row.is_own,
            is_erased: row.is_erased,
            is_forgettable: row.is_forgettable,
        }))
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Found>> {
        let agent = self.0.agent();
        let row = sqlx::query!(
            r#"select s.audience_person_id, not exists (select from events e where e.agent_id = s.agent_id
                 and e.session_id = s.id and e.payload is not null and e.type not in ('turn.ended')) as "is_erased!"
               from sessions s where s.agent_id = $1 and s.id = $2"#,
            agent.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| Found {
            audience: row.audience_person_id.map(PersonId),
            is_own: false,
            is_erased: row.is_erased,
            is_forgettable: true,
        }))
    }
}
