//! Hypotheses, and the observations that they come from.

use uuid::Uuid;

use super::{Recognition, modality};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{ConsentId, DeviceId, HypothesisId, PersonId, SpaceId, UserId},
    page::PageRequest,
    recognition::{Hypothesis, HypothesisState, MOST_OBSERVATIONS, Modality, rule::Match},
    storage::identity::one,
};

/// Something that was seen or heard, and whom it is near.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Whom, and how near.
    pub found: Match,
    /// By what.
    pub modality: Modality,
    /// Where.
    pub space: SpaceId,
    /// By which device.
    pub device: Option<DeviceId>,
    /// The grant by which it was compared.
    pub grant: ConsentId,
    /// When, as the worker says.
    pub occurred_at: Option<DateTime>,
}

struct HypothesisRow {
    id: Uuid,
    person_id: Uuid,
    modality: String,
    space_id: Uuid,
    device_id: Option<Uuid>,
    consent_id: Uuid,
    score: f32,
    margin: Option<f32>,
    state: String,
    observations: i32,
    first_seen_at: DateTime,
    last_seen_at: DateTime,
    decided_at: Option<DateTime>,
    decided_by: Option<Uuid>,
}

impl TryFrom<HypothesisRow> for Hypothesis {
    type Error = Error;

    fn try_from(row: HypothesisRow) -> Result<Self> {
        let state = HypothesisState::parse(&row.state);
        Ok(Self {
            id: row.id.into(),
            person_id: row.person_id.into(),
            modality: modality(&row.modality)?,
            space_id: row.space_id.into(),
            device_id: row.device_id.map(DeviceId),
            consent_id: row.consent_id.into(),
            score: hundredths(row.score),
            margin: row.margin.map(hundredths),
            state: state.ok_or_else(|| Error::internal("a hypothesis with an unknown word"))?,
            observations: row.observations,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            decided_at: row.decided_at,
            decided_by_user_id: row.decided_by.map(UserId),
        })
    }
}

fn hundredths(score: f32) -> f64 {
    (f64::from(score) * 100.0).round() / 100.0
}

/// A query of hypotheses `h` whose grants have not ended: its condition and end, and what it is asked with.
macro_rules! hypotheses {
    ($end:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            HypothesisRow,
            "select h.id, h.person_id, h.modality, h.space_id, h.device_id, h.consent_id, h.score, h.margin, h.state,
               h.observations, h.first_seen_at, h.last_seen_at, h.decided_at, h.decided_by
             from identity_hypotheses h join consents c on c.agent_id = h.agent_id and c.id = h.consent_id
             where h.agent_id = $1 and (c.expires_at is null or c.expires_at > $2) "
                + $end,
            $($argument),+
        )
    };
}

impl Recognition<'_> {
    /// One.
    pub async fn hypothesis(&mut self, id: HypothesisId) -> Result<Option<Hypothesis>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let row = hypotheses!("and h.id = $3", agent.0, now, id.0);
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Hypothesis::try_from).transpose()
    }

    /// A page of them, newest first: of one person or of all, in one state or in any.
    pub async fn hypotheses(
        &mut self,
        person: Option<PersonId>,
        state: Option<HypothesisState>,
        page: PageRequest,
    ) -> Result<Vec<Hypothesis>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let rows = hypotheses!(
            "and ($3::uuid is null or h.person_id = $3) and ($4::text is null or h.state = $4)
               and ($5::uuid is null or h.id < $5) order by h.id desc limit $6",
            agent.0,
            now,
            person.map(|id| id.0),
            state.map(HypothesisState::as_str),
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(Hypothesis::try_from).collect()
    }

    /// The newest of a person, modality and space, of whichever grant.
    pub async fn latest_hypothesis(&mut self, seen: &Seen) -> Result<Option<Hypothesis>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            HypothesisRow,
            "select id, person_id, modality, space_id, device_id, consent_id, score, margin, state, observations, first_seen_at,
               last_seen_at, decided_at, decided_by
             from identity_hypotheses where agent_id = $1 and person_id = $2 and modality = $3 and space_id = $4
             order by id desc limit 1",
            agent.0,
            seen.found.person.0,
            seen.modality.as_str(),
            seen.space.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Hypothesis::try_from).transpose()
    }

    /// Keeps a new one, with its first observation.
    pub async fn insert_hypothesis(&mut self, id: HypothesisId, seen: &Seen) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let of = |modality| (seen.modality == modality).then_some(seen.found.print.0);
        let done = sqlx::query!(
            "insert into identity_hypotheses (agent_id, id, person_id, modality, voiceprint_id, faceprint_id, space_id, device_id,
               consent_id, score, margin, state, observations, first_seen_at, last_seen_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'open', 1, $12, $12)",
            agent.0,
            id.0,
            seen.found.person.0,
            seen.modality.as_str(),
            of(Modality::Voice),
            of(Modality::Face),
            seen.space.0,
            seen.device.map(|id| id.0),
            seen.grant.0,
            real(seen.found.score),
            seen.found.margin.map(real),
            now
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a hypothesis was not kept")?;
        self.insert_observation(id, seen).await
    }

    /// Counts that it was seen again, and writes that down while there are not many.
    pub async fn seen_again(&mut self, hypothesis: &Hypothesis, seen: &Seen) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let of = |modality| (seen.modality == modality).then_some(seen.found.print.0);
        let done = sqlx::query!(
            "update identity_hypotheses set observations = observations + 1, last_seen_at = greatest(last_seen_at, $3),
               consent_id = $4, device_id = $5, score = greatest(score, $6), margin = $7, voiceprint_id = $8, faceprint_id = $9
             where agent_id = $1 and id = $2 and state <> 'rejected'",
            agent.0,
            hypothesis.id.0,
            now,
            seen.grant.0,
            seen.device.map(|id| id.0),
            real(seen.found.score),
            seen.found.margin.map(real),
            of(Modality::Voice),
            of(Modality::Face)
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a hypothesis was not seen again")?;
        if hypothesis.observations < MOST_OBSERVATIONS {
            self.insert_observation(hypothesis.id, seen).await?;
        }
        Ok(())
    }

    async fn insert_observation(&mut self, hypothesis: HypothesisId, seen: &Seen) -> Result<()> {
        let (agent, now, id) = (self.0.agent(), self.0.now(), crate::ids::fresh());
        let done = sqlx::query!(
            "insert into recognition_observations (agent_id, id, hypothesis_id, modality, device_id, consent_id, score,
               occurred_at, observed_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            agent.0,
            id,
            hypothesis.0,
            seen.modality.as_str(),
            seen.device.map(|id| id.0),
            seen.grant.0,
            real(seen.found.score),
            seen.occurred_at,
            now
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "an observation was not kept")
    }

    /// Decides on one.
    pub async fn decide_hypothesis(
        &mut self,
        id: HypothesisId,
        state: HypothesisState,
        by: Option<UserId>,
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update identity_hypotheses set state = $3, decided_at = $4, decided_by = $5 where agent_id = $1 and id = $2",
            agent.0,
            id.0,
            state.as_str(),
            now,
            by.map(|id| id.0)
        );
        let done = done.execute(self.0.connection()).await?;
        // A sweep may have been faster.
        match done.rows_affected() {
            0 => Err(Error::NotFound { what: "hypothesis" }),
            _ => Ok(()),
        }
    }

    /// Takes one away, with its observations, unless a sweep was faster.
    pub async fn delete_hypothesis(&mut self, id: HypothesisId) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "delete from identity_hypotheses where agent_id = $1 and id = $2",
            agent.0,
            id.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Takes away those of a space that nobody has decided, with their observations.
    pub async fn delete_open(&mut self, space: SpaceId) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "delete from identity_hypotheses where agent_id = $1 and space_id = $2 and state = 'open'",
            agent.0,
            space.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Takes away what was observed of one.
    pub async fn delete_observations(&mut self, id: HypothesisId) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "delete from recognition_observations where agent_id = $1 and hypothesis_id = $2",
            agent.0,
            id.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it came from the database as one")]
const fn real(score: f64) -> f32 {
    score as f32
}
