//! Everything of a person: what they said, what is theirs alone, and who they are.

use uuid::Uuid;

use super::{Erasures, Found, Reach, erase::FORGOTTEN};
use crate::{
    error::Result,
    identity::Caller,
    ids::{PersonId, SessionId},
};

impl Erasures<'_> {
    /// A person to forget, held: nobody merges them meanwhile. Whoever has a login of their own is only forgotten by themself, and a
    /// guest finds nobody else. Whoever was forgotten and went on is to be forgotten again.
    pub(super) async fn find_person(&mut self, id: PersonId, caller: &Caller) -> Result<Option<Found>> {
        let is_own = caller.person() == Some(id);
        if !is_own && !caller.sees_the_household() {
            return Ok(None);
        }
        self.0.people().lock(id).await?;
        let Some(belonging) = self.0.people().belonging(id).await? else {
            return Ok(None);
        };
        let agent = self.0.agent();
        let row = sqlx::query!(
            r#"select forgotten_at is not null as "was_forgotten!" from people
               where agent_id = $1 and id = $2 and merged_at is null"#,
            agent.0,
            id.0
        );
        let Some(row) = row.fetch_optional(self.0.connection()).await? else {
            return Ok(None);
        };
        Ok(Some(Found {
            audience: None,
            is_own,
            is_erased: row.was_forgotten && !self.is_anything_left_of(id).await?,
            is_forgettable: is_own || !belonging.has_own_login(),
        }))
    }

    /// Whether anything is there of somebody who was forgotten: what they said since, what is theirs alone, and what was written down
    /// of them. What the hub itself says of states, and the kept answers to their forgetting, are nothing.
    async fn is_anything_left_of(&mut self, person: PersonId) -> Result<bool> {
        let agent = self.0.agent();
        let left = sqlx::query_scalar!(
            r#"with users as materialized (select user_id as id from person_accounts where agent_id = $1 and person_id = $2),
               names as materialized (select id from people where agent_id = $1 and (id = $2 or merged_into = $2))
               select exists (select from events where agent_id = $1 and payload is not null
                   and (type in ('transcript', 'message.user', 'message.agent') or type ^@ 'x.')
                   and (person_id = $2 or audience_person_id = $2
                     or source_kind = 'user' and source_id in (select id from users)))
                 or exists (select from memories where agent_id = $1 and audience_person_id = $2)
                 or exists (select from memory_candidates where agent_id = $1 and audience_person_id = $2)
                 or exists (select from actions where agent_id = $1 and audience_person_id = $2 and erased_at is null)
                 or exists (select from commands where agent_id = $1 and erased_at is null
                   and (audience_person_id = $2 or sent_by in (select id from users)))
                 or exists (select from artifacts where agent_id = $1 and state <> 'deleted' and (audience_person_id = $2
                   or made_by_kind = 'user' and made_by in (select id from users)))
                 or exists (select from device_shadows where agent_id = $1 and audience_person_id = $2)
                 or exists (select from voiceprints where agent_id = $1 and person_id = $2)
                 or exists (select from faceprints where agent_id = $1 and person_id = $2)
                 or exists (select from identity_hypotheses where agent_id = $1 and person_id = $2)
                 or exists (select from presence where agent_id = $1 and person_id = $2)
                 or exists (select from presence_history where agent_id = $1 and person_id = $2)
                 or exists (select from consents where agent_id = $1 and evidence <> $3
                   and person_id in (select id from names))
                 or exists (select from action_decisions where agent_id = $1 and reason is not null
                   and user_id in (select id from users))
                 or exists (select from invitations where agent_id = $1 and name is not null
                   and accepted_by in (select id from users))
                 or exists (select from idempotency_keys k, users u where k.agent_id = $1 and k.answer is not null
                   and k.body_sha256 <> '' and not k.operation ^@ 'forget_'
                   and (k.principal = 'user:' || u.id or k.principal ^@ ('user:' || u.id || ':'))) as "left!""#,
            agent.0,
            person.0,
            FORGOTTEN
        );
        Ok(left.fetch_one(self.0.connection()).await?)
    }

    /// A person, and whoever was merged into them.
    pub async fn names_of(&mut self, person: PersonId) -> Result<Vec<Uuid>> {
        let agent = self.0.agent();
        let ids = sqlx::query_scalar!(
            "select id from people where agent_id = $1 and (id = $2 or merged_into = $2)",
            agent.0,
            person.0
        );
        Ok(ids.fetch_all(self.0.connection()).await?)
    }

    /// What kept answers know a person by: who they are, whoever was merged into them, and the invitations by which they came.
    pub async fn known_by(&mut self, person: PersonId) -> Result<Vec<Uuid>> {
        let agent = self.0.agent();
        let ids = sqlx::query_scalar!(
            r#"select id as "id!" from people where agent_id = $1 and (id = $2 or merged_into = $2)
               union select i.id from invitations i
                 join person_accounts a on a.agent_id = i.agent_id and a.user_id = i.accepted_by
               where i.agent_id = $1 and a.person_id = $2"#,
            agent.0,
            person.0
        );
        Ok(ids.fetch_all(self.0.connection()).await?)
    }

    /// All that is attributed to a person, said by their login, or private to them.
    pub async fn add_person(&mut self, reach: &mut Reach, person: PersonId) -> Result<()> {
        reach.people.extend(self.names_of(person).await?);
        let agent = self.0.agent();
        let users = sqlx::query_scalar!(
            "select user_id from person_accounts where agent_id = $1 and person_id = $2",
            agent.0,
            person.0
        );
        let users: Vec<Uuid> = users.fetch_all(self.0.connection()).await?;
        let found = sqlx::query!(
            r#"select 'event' as "kind!", id as "id!", null::uuid as device_id from events
                 where agent_id = $1 and payload is not null
                   and (person_id = $2 or audience_person_id = $2 or (source_kind = 'user' and source_id = any ($3)))
               union all select 'turn', id, null from turns where agent_id = $1 and audience_person_id = $2
               union all select 'memory', id, null from memories where agent_id = $1 and audience_person_id = $2
               union all select 'candidate', id, null from memory_candidates
                 where agent_id = $1 and audience_person_id = $2
               union all select 'action', id, null from actions where agent_id = $1 and audience_person_id = $2
               union all select 'artifact', id, null from artifacts
                 where agent_id = $1 and state <> 'deleted'
                   and (audience_person_id = $2 or (made_by_kind = 'user' and made_by = any ($3)))
               union all select 'command', id, device_id from commands
                 where agent_id = $1 and (audience_person_id = $2 or sent_by = any ($3))"#,
            agent.0,
            person.0,
            &users
        );
        for row in found.fetch_all(self.0.connection()).await? {
            match (row.kind.as_str(), row.device_id) {
                ("event", _) => reach.events.insert(row.id),
                ("turn", _) => reach.turns.insert(row.id),
                ("memory", _) => reach.memories.insert(row.id),
                ("candidate", _) => reach.candidates.insert(row.id),
                ("action", _) => reach.actions.insert(row.id),
                ("command", Some(device)) => reach.commands.insert((row.id, device)),
                _ => reach.artifacts.insert(row.id),
            };
        }
        Ok(())
    }

    /// The sessions of their own that are open.
    pub async fn sessions_of(&mut self, person: PersonId) -> Result<Vec<SessionId>> {
        let agent = self.0.agent();
        let ids = sqlx::query_scalar!(
            "select id from sessions where agent_id = $1 and audience_person_id = $2 and state = 'open'",
            agent.0,
            person.0
        );
        let ids = ids.fetch_all(self.0.connection()).await?;
        Ok(ids.into_iter().map(SessionId).collect())
    }

    /// What their own devices said and should be like, and what they were answered. How many shadows and how many answers.
    pub async fn erase_own(&mut self, person: PersonId) -> Result<(u64, u64)> {
        let agent = self.0.agent();
        let shadows = sqlx::query!(
            "delete from device_shadows where agent_id = $1 and audience_person_id = $2",
            agent.0,
            person.0
        );
        let shadows = shadows.execute(self.0.connection()).await?.rows_affected();
        let answers = sqlx::query!(
            "with users as (select user_id from person_accounts where agent_id = $1 and person_id = $2)
             update idempotency_keys k set answer = 'null', body_sha256 = ''
             from users u where k.agent_id = $1 and k.answer is not null and k.body_sha256 <> ''
               and (k.principal = 'user:' || u.user_id or k.principal ^@ ('user:' || u.user_id || ':'))",
            agent.0,
            person.0
        );
        let answers = answers.execute(self.0.connection()).await?.rows_affected();
        Ok((shadows, answers))
    }

    /// Who they are, why they decided as they did, and how it is known what they allow. How many people.
    pub async fn erase_person(&mut self, person: PersonId) -> Result<u64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "with users as (select user_id from person_accounts where agent_id = $1 and person_id = $2),
               reasons as (update action_decisions set reason = null
                 where agent_id = $1 and reason is not null and user_id in (select user_id from users)),
               invited as (update invitations set name = null
                 where agent_id = $1 and name is not null and accepted_by in (select user_id from users))
             update consents set evidence = $3 where agent_id = $1 and evidence is not null and person_id in (
               select id from people where agent_id = $1 and (id = $2 or merged_into = $2))",
            agent.0,
            person.0,
            FORGOTTEN
        )
        .execute(self.0.connection())
        .await?;
        // Where they were told to be. Whoever holds such a turn now finds out by itself.
        let names = self.names_of(person).await?;
        let agent = self.0.agent();
        sqlx::query!(
            "update turns set read_person_ids = array(select id from unnest(read_person_ids) as id where id <> all ($2)),
               read_consent_ids = array(select id from unnest(read_consent_ids) as id
                 where id not in (select c.id from consents c where c.agent_id = $1 and c.person_id = any ($2)))
             where agent_id = $1 and id in (select id from turns where agent_id = $1 and read_person_ids && $2
               for no key update skip locked)",
            agent.0,
            &names
        )
        .execute(self.0.connection())
        .await?;
        let people = sqlx::query!(
            "update people set name = null, aliases = '{}', relationship = null, forgotten_at = $3, updated_at = $3
             where agent_id = $1 and (id = $2 or merged_into = $2) and forgotten_at is null",
            agent.0,
            person.0,
            now
        );
        let people = people.execute(self.0.connection()).await?.rows_affected();
        Ok(people)
    }
}
