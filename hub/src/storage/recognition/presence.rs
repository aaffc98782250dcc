//! Who is where, and who was.

use uuid::Uuid;

use super::{Recognition, modality};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{AgentId, ConsentId, DeviceId, PersonId, PresenceId, SpaceId},
    page::PageRequest,
    recognition::{Hypothesis, Modality, PastPresence, Presence, PresenceEnd},
    storage::identity::one,
};

struct PresenceRow {
    id: Uuid,
    person_id: Uuid,
    space_id: Uuid,
    modality: String,
    device_id: Option<Uuid>,
    since: DateTime,
    seen_at: DateTime,
}

impl TryFrom<PresenceRow> for Presence {
    type Error = Error;

    fn try_from(row: PresenceRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            person_id: row.person_id.into(),
            space_id: row.space_id.into(),
            modality: modality(&row.modality)?,
            device_id: row.device_id.map(DeviceId),
            since: row.since,
            seen_at: row.seen_at,
        })
    }
}

struct PastRow {
    id: Uuid,
    person_id: Uuid,
    space_id: Uuid,
    modality: String,
    since: DateTime,
    until: DateTime,
    reason: String,
}

impl TryFrom<PastRow> for PastPresence {
    type Error = Error;

    fn try_from(row: PastRow) -> Result<Self> {
        let reason = PresenceEnd::parse(&row.reason);
        Ok(Self {
            id: row.id.into(),
            person_id: row.person_id.into(),
            space_id: row.space_id.into(),
            modality: modality(&row.modality)?,
            since: row.since,
            until: row.until,
            reason: reason.ok_or_else(|| Error::internal("a past presence with an unknown word"))?,
        })
    }
}

/// A query of presence `p` whose grants have not ended: its condition and end, and what it is asked with.
macro_rules! presences {
    ($end:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            PresenceRow,
            "select p.id, p.person_id, p.space_id, p.modality, p.device_id, p.since, p.seen_at
             from presence p join consents c on c.agent_id = p.agent_id and c.id = p.consent_id
             where p.agent_id = $1 and (c.expires_at is null or c.expires_at > $2) "
                + $end,
            $($argument),+
        )
    };
}

impl Recognition<'_> {
    /// One.
    pub async fn presence(&mut self, id: PresenceId) -> Result<Option<Presence>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let row = presences!("and p.id = $3", agent.0, now, id.0);
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Presence::try_from).transpose()
    }

    /// A page of those who are there and were seen since a time, newest first: in one space or in all.
    pub async fn present(
        &mut self,
        space: Option<SpaceId>,
        seen_since: DateTime,
        page: PageRequest,
    ) -> Result<Vec<Presence>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let rows = presences!(
            "and ($3::uuid is null or p.space_id = $3) and p.seen_at > $4 and ($5::uuid is null or p.id < $5)
             order by p.id desc limit $6",
            agent.0,
            now,
            space.map(|id| id.0),
            seen_since,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(Presence::try_from).collect()
    }

    /// All that is in a space, seen lately or not.
    pub async fn all_present(&mut self, space: SpaceId) -> Result<Vec<Presence>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            PresenceRow,
            "select id, person_id, space_id, modality, device_id, since, seen_at from presence
             where agent_id = $1 and space_id = $2 order by id",
            agent.0,
            space.0
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(Presence::try_from).collect()
    }

    /// The one that rests on a hypothesis, whatever else says the same.
    pub async fn presence_by(&mut self, by: &Hypothesis) -> Result<Option<Presence>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            PresenceRow,
            "select id, person_id, space_id, modality, device_id, since, seen_at from presence
             where agent_id = $1 and person_id = $2 and space_id = $3 and $4 = any (hypothesis_ids)",
            agent.0,
            by.person_id.0,
            by.space_id.0,
            by.id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Presence::try_from).transpose()
    }

    /// Has somebody be where a hypothesis says, by a grant. Who is there already stays, known by this, too, and as long as this says.
    /// Its id, and whether they had not been there.
    pub async fn arrive(&mut self, by: &Hypothesis, grant: ConsentId) -> Result<(PresenceId, bool)> {
        let (agent, id) = (self.0.agent(), PresenceId::mint());
        let row = sqlx::query_scalar!(
            "insert into presence (agent_id, id, person_id, space_id, modality, hypothesis_id, consent_id, device_id, since, seen_at,
               hypothesis_ids)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, array[$6::uuid])
             on conflict (agent_id, space_id, person_id) do update set modality = excluded.modality,
               hypothesis_id = excluded.hypothesis_id, consent_id = excluded.consent_id, device_id = excluded.device_id,
               since = least(presence.since, excluded.since), seen_at = greatest(presence.seen_at, excluded.seen_at),
               hypothesis_ids = array_append(array_remove(presence.hypothesis_ids, excluded.hypothesis_id), excluded.hypothesis_id)
             returning id",
            agent.0,
            id.0,
            by.person_id.0,
            by.space_id.0,
            by.modality.as_str(),
            by.id.0,
            grant.0,
            by.device_id.map(|id| id.0),
            by.first_seen_at,
            by.last_seen_at
        );
        let there = PresenceId(row.fetch_one(self.0.connection()).await?);
        Ok((there, there == id))
    }

    /// Takes hypotheses of a person away from under their presence: it ends where nothing else says so, and otherwise it is what the
    /// others say, since the first of them, seen when the last was, and known by that. What ended.
    pub async fn unsettle(&mut self, person: PersonId, gone: &[Uuid]) -> Result<Vec<PresenceId>> {
        let agent = self.0.agent();
        sqlx::query!(
            "update presence p set hypothesis_ids = rest.ids, hypothesis_id = last.id, modality = last.modality,
               consent_id = last.consent_id, device_id = last.device_id, since = rest.since, seen_at = last.last_seen_at
             from identity_hypotheses last, (
               select q.id, array_agg(h.id order by h.last_seen_at, h.id) as ids, min(h.first_seen_at) as since
               from presence q join identity_hypotheses h on h.agent_id = q.agent_id and h.id = any (q.hypothesis_ids)
               where q.agent_id = $1 and q.person_id = $2 and q.hypothesis_ids && $3 and h.state = 'confirmed' and h.id <> all ($3)
               group by q.id) as rest
             where p.agent_id = $1 and p.id = rest.id and last.agent_id = $1 and last.id = rest.ids[cardinality(rest.ids)]",
            agent.0,
            person.0,
            gone
        )
        .execute(self.0.connection())
        .await?;
        let ended = sqlx::query_scalar!(
            "delete from presence where agent_id = $1 and person_id = $2 and hypothesis_ids && $3 returning id",
            agent.0,
            person.0,
            gone
        );
        let ended = ended.fetch_all(self.0.connection()).await?;
        Ok(ended.into_iter().map(PresenceId).collect())
    }

    /// The same of where they were before. When somebody said that they left, or the space went private, stays as it was. What was kept
    /// long enough says nothing any more. How much went.
    pub async fn unsettle_past(&mut self, person: PersonId, gone: &[Uuid]) -> Result<u64> {
        let agent = self.0.agent();
        sqlx::query!(
            "update presence_history p set hypothesis_ids = rest.ids, hypothesis_id = last.id, modality = last.modality,
               consent_id = last.consent_id, since = least(rest.since, p.until),
               until = case p.reason when 'aged_out' then least(last.last_seen_at, p.until) else p.until end
             from identity_hypotheses last, (
               select q.id, array_agg(h.id order by h.last_seen_at, h.id) as ids, min(h.first_seen_at) as since
               from presence_history q join identity_hypotheses h on h.agent_id = q.agent_id and h.id = any (q.hypothesis_ids)
               where q.agent_id = $1 and q.person_id = $2 and q.hypothesis_ids && $3 and h.state = 'confirmed' and h.id <> all ($3)
               group by q.id) as rest
             where p.agent_id = $1 and p.id = rest.id and last.agent_id = $1 and last.id = rest.ids[cardinality(rest.ids)]",
            agent.0,
            person.0,
            gone
        )
        .execute(self.0.connection())
        .await?;
        let ended = sqlx::query!(
            "delete from presence_history where agent_id = $1 and person_id = $2 and hypothesis_ids && $3",
            agent.0,
            person.0,
            gone
        );
        Ok(ended.execute(self.0.connection()).await?.rows_affected())
    }

    /// Ends one, and keeps that it was.
    pub async fn end_presence(&mut self, id: PresenceId, until: DateTime, reason: PresenceEnd) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
                "insert into presence_history (agent_id, id, person_id, space_id, modality, hypothesis_id, hypothesis_ids,
                   consent_id, since, until, reason)
                 select agent_id, id, person_id, space_id, modality, hypothesis_id, hypothesis_ids, consent_id, since,
                   greatest(since, $3), $4
                 from presence where agent_id = $1 and id = $2",
                agent.0,
                id.0,
                until,
                reason.as_str()
            )
            .execute(self.0.connection())
            .await?;
        let done = sqlx::query!(
            "delete from presence where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "presence was not ended")
    }

    /// A page of who was there, newest first: in one space or in all, of one person or of all.
    pub async fn past(
        &mut self,
        space: Option<SpaceId>,
        person: Option<PersonId>,
        page: PageRequest,
    ) -> Result<Vec<PastPresence>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let rows = sqlx::query_as!(
            PastRow,
            "select p.id, p.person_id, p.space_id, p.modality, p.since, p.until, p.reason
             from presence_history p join consents c on c.agent_id = p.agent_id and c.id = p.consent_id
             where p.agent_id = $1 and (c.expires_at is null or c.expires_at > $2)
               and ($3::uuid is null or p.space_id = $3) and ($4::uuid is null or p.person_id = $4)
               and ($5::uuid is null or p.id < $5) order by p.id desc limit $6",
            agent.0,
            now,
            space.map(|id| id.0),
            person.map(|id| id.0),
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(PastPresence::try_from).collect()
    }

    /// Presence that was last seen before a time, across agents, at most so many.
    pub async fn unseen(&mut self, before: DateTime, most: i64) -> Result<Vec<(AgentId, PresenceId)>> {
        let rows = sqlx::query!(
            "select agent_id, id from presence where seen_at <= $1 order by seen_at limit $2",
            before,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let all = rows.into_iter().map(|row| (row.agent_id.into(), row.id.into()));
        Ok(all.collect())
    }

    /// Grants that have ended and on which something still hangs, across agents, at most so many.
    pub async fn ended_grants(&mut self, most: i64) -> Result<Vec<(AgentId, PersonId, Modality, ConsentId)>> {
        let now = self.0.now();
        let rows = sqlx::query!(
            r#"select distinct c.agent_id, c.person_id, c.purpose, c.id from consents c join (
                 select agent_id, consent_id from voiceprints
                 union select agent_id, consent_id from faceprints
                 union select agent_id, consent_id from identity_hypotheses
                 union select agent_id, consent_id from recognition_observations
                 union select agent_id, consent_id from presence
                 union select agent_id, consent_id from presence_history) as used
                 on used.agent_id = c.agent_id and used.consent_id = c.id
               where c.expires_at <= $1 limit $2"#,
            now,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let read = |row: (Uuid, Uuid, String, Uuid)| {
            Ok((row.0.into(), row.1.into(), modality(&row.2)?, row.3.into()))
        };
        rows.into_iter()
            .map(|row| read((row.agent_id, row.person_id, row.purpose, row.id)))
            .collect()
    }
}
