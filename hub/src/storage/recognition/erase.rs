//! Taking away what hangs on a consent, and what was kept long enough.

use uuid::Uuid;

use super::Recognition;
use crate::{
    clock::DateTime,
    error::Result,
    ids::{AgentId, ConsentId, PersonId, PresenceId},
    recognition::Modality,
};

impl Recognition<'_> {
    /// Takes prints of a person away: of one modality or both, made by one grant or by any. How many.
    pub async fn erase_prints(
        &mut self,
        person: PersonId,
        of: Option<Modality>,
        grant: Option<ConsentId>,
    ) -> Result<u64> {
        let agent = self.0.agent();
        let count = sqlx::query_scalar!(
            r#"with voices as (delete from voiceprints where agent_id = $1 and person_id = $2
                   and coalesce($3 = 'voice', true) and coalesce(consent_id = $4, true) returning 1),
                 faces as (delete from faceprints where agent_id = $1 and person_id = $2
                   and coalesce($3 = 'face', true) and coalesce(consent_id = $4, true) returning 1)
               select (select count(*) from voices) + (select count(*) from faces) as "count!""#,
            agent.0,
            person.0,
            of.map(Modality::as_str),
            grant.map(|id| id.0)
        );
        Ok(count.fetch_one(self.0.connection()).await?.unsigned_abs())
    }

    /// Takes away all that was recognised of a person, by one modality or both; what the other says still stands. How much, and the
    /// presence that ended with it.
    pub async fn erase_sightings(
        &mut self,
        person: PersonId,
        of: Option<Modality>,
    ) -> Result<(u64, Vec<PresenceId>)> {
        let (agent, of) = (self.0.agent(), of.map(Modality::as_str));
        // First, as whoever removes what is old takes them: then what hangs on them.
        let gone = sqlx::query_scalar!(
            "select id from identity_hypotheses where agent_id = $1 and person_id = $2 and coalesce(modality = $3, true)
             order by id for update",
            agent.0,
            person.0,
            of
        );
        let gone = gone.fetch_all(self.0.connection()).await?;
        let ended = self.unsettle(person, &gone).await?;
        let past = self.unsettle_past(person, &gone).await?;
        // And what is told of by hypotheses that are gone already.
        let count = sqlx::query_scalar!(
            r#"with past as (delete from presence_history
                   where agent_id = $1 and person_id = $2 and coalesce(modality = $3, true) returning 1),
                 seen as (delete from recognition_observations o using identity_hypotheses h
                   where o.agent_id = $1 and h.agent_id = $1 and h.id = o.hypothesis_id and h.person_id = $2
                     and coalesce(h.modality = $3, true) returning 1)
               select (select count(*) from past) + (select count(*) from seen) as "count!""#,
            agent.0,
            person.0,
            of
        );
        let count = count.fetch_one(self.0.connection()).await?.unsigned_abs();
        let gone = sqlx::query!(
            "delete from identity_hypotheses where agent_id = $1 and person_id = $2 and coalesce(modality = $3, true)",
            agent.0,
            person.0,
            of
        );
        let gone = gone.execute(self.0.connection()).await?.rows_affected();
        Ok((count + gone + past + ended.len() as u64, ended))
    }

    /// Whether a person has an account and does not belong to the agent by it, or is blocked.
    pub async fn has_left(&mut self, person: PersonId) -> Result<bool> {
        let agent = self.0.agent();
        let has = sqlx::query_scalar!(
            r#"select coalesce(not bool_or(m.id is not null), false) as "has!"
               from person_accounts a left join memberships m on m.agent_id = a.agent_id and m.user_id = a.user_id
                 and m.revoked_at is null and m.role <> 'blocked'
               where a.agent_id = $1 and a.person_id = $2"#,
            agent.0,
            person.0
        );
        Ok(has.fetch_one(self.0.connection()).await?)
    }

    /// The newest grant on which anything of a person hangs.
    pub async fn newest_grant(&mut self, person: PersonId) -> Result<Option<ConsentId>> {
        let agent = self.0.agent();
        let grant = sqlx::query_scalar!(
            r#"select consent_id as "consent_id!" from (
                 select consent_id from voiceprints where agent_id = $1 and person_id = $2
                 union select consent_id from faceprints where agent_id = $1 and person_id = $2
                 union select consent_id from identity_hypotheses where agent_id = $1 and person_id = $2
                 union select consent_id from presence_history where agent_id = $1 and person_id = $2) as used
               order by consent_id desc limit 1"#,
            agent.0,
            person.0
        );
        let grant = grant.fetch_optional(self.0.connection()).await?;
        Ok(grant.map(ConsentId::from))
    }

    /// Whether anything of a person still hangs on a grant.
    pub async fn hangs_on(&mut self, grant: ConsentId) -> Result<bool> {
        let (agent, grant): (_, Uuid) = (self.0.agent(), grant.0);
        let hangs = sqlx::query_scalar!(
            r#"select exists (select from voiceprints where agent_id = $1 and consent_id = $2)
                 or exists (select from faceprints where agent_id = $1 and consent_id = $2)
                 or exists (select from identity_hypotheses where agent_id = $1 and consent_id = $2)
                 or exists (select from recognition_observations where agent_id = $1 and consent_id = $2)
                 or exists (select from presence where agent_id = $1 and consent_id = $2)
                 or exists (select from presence_history where agent_id = $1 and consent_id = $2) as "hangs!""#,
            agent.0,
            grant
        );
        Ok(hangs.fetch_one(self.0.connection()).await?)
    }

    /// Removes hypotheses that nobody decided and that were not seen since a time, across agents, at most so many. How many.
    pub async fn purge_open(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from identity_hypotheses where (agent_id, id) in (select agent_id, id from identity_hypotheses
               where last_seen_at < $1 and state = 'open' limit $2 for update skip locked)",
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Agents that keep something which is older than a time, at most so many.
    pub async fn with_old(&mut self, before: DateTime, most: i64) -> Result<Vec<AgentId>> {
        let agents = sqlx::query_scalar!(
            r#"select agent_id as "agent_id!" from identity_hypotheses h where last_seen_at < $1 and state <> 'open'
                 and not exists (select from presence p where p.agent_id = h.agent_id and p.hypothesis_id = h.id)
               union select agent_id from recognition_observations where observed_at < $1
               union select agent_id from presence_history where until < $1 limit $2"#,
            before,
            most
        );
        let agents = agents.fetch_all(self.0.connection()).await?;
        Ok(agents.into_iter().map(AgentId).collect())
    }

    /// Removes what the agent has kept since before a time, at most so many of each: hypotheses on which nobody's presence is known,
    /// observations, and past presence. How many.
    pub async fn purge(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let agent = self.0.agent();
        let hypotheses = sqlx::query!(
            "delete from identity_hypotheses where agent_id = $1 and id in (select h.id from identity_hypotheses h
               where h.agent_id = $1 and h.last_seen_at < $2 and h.state <> 'open'
                 and not exists (select from presence p where p.agent_id = h.agent_id and p.hypothesis_id = h.id)
               limit $3 for update of h skip locked)",
            agent.0,
            before,
            most
        );
        let hypotheses = hypotheses.execute(self.0.connection()).await?.rows_affected();
        let observations = sqlx::query!(
            "delete from recognition_observations where agent_id = $1 and id in (select id from recognition_observations
               where agent_id = $1 and observed_at < $2 limit $3 for update skip locked)",
            agent.0,
            before,
            most
        );
        let observations = observations.execute(self.0.connection()).await?.rows_affected();
        let past = sqlx::query!(
            "delete from presence_history where agent_id = $1 and id in (select id from presence_history
               where agent_id = $1 and until < $2 limit $3 for update skip locked)",
            agent.0,
            before,
            most
        );
        let past = past.execute(self.0.connection()).await?.rows_affected();
        Ok(hypotheses + observations + past)
    }
}
