//! Two people who turn out to be one: what names the one names the other from then on.

use uuid::Uuid;

use super::People;
use crate::{
    error::Result,
    ids::{PersonId, SessionId, TurnId, UserId},
    people::Person,
    storage::identity::one,
};

/// Every column that says whose something is, and moves when they are merged. A test compares it with the schema. Vectors follow
/// their memories by a trigger, and conversations give way to the other's.
pub const MOVED: [(&str, &str); 18] = [
    ("actions", "audience_person_id"),
    ("artifacts", "audience_person_id"),
    ("commands", "audience_person_id"),
    ("conversations", "audience_person_id"),
    ("deliveries", "audience_person_id"),
    ("device_shadows", "audience_person_id"),
    ("devices", "person_id"),
    ("erasures", "audience_person_id"),
    ("events", "audience_person_id"),
    ("events", "person_id"),
    ("memories", "audience_person_id"),
    ("memory_candidates", "audience_person_id"),
    ("memory_tombstones", "audience_person_id"),
    ("person_accounts", "person_id"),
    ("sessions", "audience_person_id"),
    ("turn_steps", "audience_person_id"),
    ("turn_stream", "audience_person_id"),
    ("turns", "audience_person_id"),
];

/// Columns that name a person and stay as they are, with why.
pub const STAYING: [(&str, &str, &str); 8] = [
    (
        "consents",
        "person_id",
        "a history, in which nothing is ever changed",
    ),
    (
        "people",
        "merged_into",
        "who somebody is now; those merged before follow",
    ),
    ("faceprints", "person_id", ERASED),
    ("identity_hypotheses", "person_id", ERASED),
    ("presence", "person_id", ERASED),
    ("presence_history", "person_id", ERASED),
    (
        "turns",
        "read_person_ids",
        "whose names a turn was told then; forgetting asks for those who were merged, too",
    ),
    ("voiceprints", "person_id", ERASED),
];

const ERASED: &str = "made by a grant that is not the other's: erased at the merge";

/// Somebody who is held until the unit of work ends.
#[derive(Debug, Clone)]
pub struct HeldPerson {
    /// They.
    pub person: Person,
    /// Who they are now, if they were merged.
    pub merged_into: Option<PersonId>,
    /// Whose login is theirs, whether the user belongs to the agent still or not.
    pub users: Vec<UserId>,
}

impl People<'_> {
    /// Who somebody is now: themself, unless they were merged.
    pub async fn is_now(&mut self, id: PersonId) -> Result<PersonId> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select merged_into from people where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        let found = found.fetch_optional(self.0.connection()).await?;
        Ok(found.flatten().map_or(id, PersonId))
    }

    /// Those of these that there are, held until the unit of work ends.
    pub async fn held(&mut self, ids: &[PersonId]) -> Result<Vec<HeldPerson>> {
        self.hold(ids).await?;
        let mut held = Vec::new();
        for id in ids {
            let Some(person) = self.find(*id).await? else {
                continue;
            };
            let now = self.is_now(*id).await?;
            held.push(HeldPerson {
                person,
                merged_into: (now != *id).then_some(now),
                users: self.users_of(id.0).await?,
            });
        }
        Ok(held)
    }

    async fn users_of(&mut self, person: Uuid) -> Result<Vec<UserId>> {
        let agent = self.0.agent();
        let users = sqlx::query_scalar!(
            "select user_id from person_accounts where agent_id = $1 and person_id = $2",
            agent.0,
            person
        );
        let users = users.fetch_all(self.0.connection()).await?;
        Ok(users.into_iter().map(UserId).collect())
    }

    /// Whether anything is somebody's alone.
    pub async fn has_private_things(&mut self, id: PersonId) -> Result<bool> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            r#"select exists (select from conversations where agent_id = $1 and audience_person_id = $2)
                 or exists (select from devices where agent_id = $1 and person_id = $2 and revoked_at is null)
                 or exists (select from memories where agent_id = $1 and audience_person_id = $2)
                 or exists (select from actions where agent_id = $1 and audience_person_id = $2)
                 or exists (select from commands where agent_id = $1 and audience_person_id = $2)
                 or exists (select from artifacts where agent_id = $1 and audience_person_id = $2 and state <> 'deleted')
                 or exists (select from events where agent_id = $1 and audience_person_id = $2) as "is!""#,
            agent.0,
            id.0
        );
        Ok(found.fetch_one(self.0.connection()).await?)
    }

    /// How many events and memories name somebody; counted up to `most`.
    pub async fn things_of(&mut self, id: PersonId, most: i64) -> Result<i64> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            r#"select count(*) as "count!" from (
                 (select 1 from events where agent_id = $1 and (person_id = $2 or audience_person_id = $2) limit $3)
                 union all (select 1 from memories where agent_id = $1 and audience_person_id = $2 limit $3)) as things"#,
            agent.0,
            id.0,
            most
        );
        Ok(found.fetch_one(self.0.connection()).await?)
    }

    /// Holds the turns of their own that have not ended; those that run begin anew, as the other's.
    pub async fn begin_turns_anew(&mut self, from: PersonId) -> Result<Vec<TurnId>> {
        let agent = self.0.agent();
        let held = sqlx::query_scalar!(
            "with held as (select id from turns where agent_id = $1 and audience_person_id = $2
               and state in ('queued', 'running', 'waiting') order by id for no key update)
             update turns t set state = 'queued' from held h
             where t.agent_id = $1 and t.id = h.id and t.state = 'running' returning t.id",
            agent.0,
            from.0
        );
        let held = held.fetch_all(self.0.connection()).await?;
        Ok(held.into_iter().map(TurnId).collect())
    }

    /// Holds the sessions of their own that are open, each with whether it is recorded.
    pub async fn hold_open_sessions(&mut self, from: PersonId) -> Result<Vec<(SessionId, bool)>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            "select id, is_recorded from sessions where agent_id = $1 and audience_person_id = $2 and state = 'open'
             order by id for no key update",
            agent.0,
            from.0
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        Ok(rows.map(|row| (row.id.into(), row.is_recorded)).collect())
    }

    /// Leaves of somebody nothing but who they are now. Whoever was merged into them before is the other now, too.
    pub async fn redirect(&mut self, from: PersonId, into: PersonId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update people set name = null, aliases = '{}', relationship = null, merged_into = $3, merged_at = $4,
               updated_at = $4
             where agent_id = $1 and id = $2 and merged_at is null and forgotten_at is null",
            agent.0,
            from.0,
            into.0,
            now
        );
        let done = done.execute(self.0.connection()).await?.rows_affected();
        one(done, "somebody who is held was not merged")?;
        sqlx::query!(
            "update people set merged_into = $3 where agent_id = $1 and merged_into = $2",
            agent.0,
            from.0,
            into.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Gives to the other what is taken before the head row, by whoever changes it. Turns, commands and actions are held.
    pub async fn move_held(&mut self, from: PersonId, into: PersonId) -> Result<()> {
        self.move_talk(from, into).await?;
        let agent = self.0.agent();
        sqlx::query!(
            "with a as (update turns set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               b as (update turn_stream set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               c as (update turn_steps set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               d as (update actions set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               e as (update commands set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               f as (update deliveries set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               g as (update device_shadows set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               h as (update devices set person_id = $3 where agent_id = $1 and person_id = $2)
             update person_accounts set person_id = $3 where agent_id = $1 and person_id = $2",
            agent.0,
            from.0,
            into.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Gives everything to the other. The head row is taken: what was begun before is there, and what begins now waits. Whoever changes
    /// memories, artifacts or events has taken it, too, before these.
    pub async fn move_all(&mut self, from: PersonId, into: PersonId) -> Result<()> {
        self.move_held(from, into).await?;
        let agent = self.0.agent();
        sqlx::query!(
            "with a as (update memories set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               b as (update memory_candidates set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               c as (update memory_tombstones set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2),
               d as (update artifacts set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2)
             update erasures set audience_person_id = $3 where agent_id = $1 and audience_person_id = $2",
            agent.0,
            from.0,
            into.0
        )
        .execute(self.0.connection())
        .await?;
        sqlx::query!(
            "update events set person_id = case when person_id = $2 then $3 else person_id end,
               audience_person_id = case when audience_person_id = $2 then $3 else audience_person_id end
             where agent_id = $1 and (person_id = $2 or audience_person_id = $2)",
            agent.0,
            from.0,
            into.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Sessions go to the other's conversation of the same kind and place, of which there is one.
    async fn move_talk(&mut self, from: PersonId, into: PersonId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let kinds = sqlx::query!(
            "select id, kind, space_id from conversations where agent_id = $1 and audience_person_id = $2 order by id",
            agent.0,
            from.0
        );
        for old in kinds.fetch_all(self.0.connection()).await? {
            sqlx::query!(
                "insert into conversations (agent_id, id, kind, space_id, audience_person_id, created_at)
                 values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
                agent.0,
                crate::ids::fresh(),
                old.kind,
                old.space_id,
                into.0,
                now
            )
            .execute(self.0.connection())
            .await?;
            sqlx::query!(
                "update sessions s set conversation_id = c.id, audience_person_id = $3 from conversations c
                 where s.agent_id = $1 and s.conversation_id = $2 and c.agent_id = $1 and c.kind = $4 and c.space_id = $5
                   and c.audience_person_id = $3",
                agent.0,
                old.id,
                into.0,
                old.kind,
                old.space_id
            )
            .execute(self.0.connection())
            .await?;
            sqlx::query!(
                "delete from conversations where agent_id = $1 and id = $2",
                agent.0,
                old.id
            )
            .execute(self.0.connection())
            .await?;
        }
        Ok(())
    }
}
