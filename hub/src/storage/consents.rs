//! The history of consents: rows are added, and never changed.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    consents::{Consent, ConsentPurpose, Decision, EvidenceKind},
    error::{Error, Result},
    ids::{ConsentId, DeviceId, PersonId, SpaceId, UserId},
    page::PageRequest,
};

/// The table of consents.
pub struct Consents<'a>(&'a mut Tx);

impl Tx {
    /// The table of consents.
    pub fn consents(&mut self) -> Consents<'_> {
        Consents(self)
    }
}

struct ConsentRow {
    id: Uuid,
    person_id: Uuid,
    purpose: String,
    decision: String,
    space_id: Option<Uuid>,
    device_id: Option<Uuid>,
    starts_at: DateTime,
    expires_at: Option<DateTime>,
    withdraws_id: Option<Uuid>,
    evidence_kind: String,
    evidence: Option<String>,
    given_by: Uuid,
    request_id: Option<String>,
    created_at: DateTime,
}

impl TryFrom<ConsentRow> for Consent {
    type Error = Error;

    fn try_from(row: ConsentRow) -> Result<Self> {
        let unknown = || Error::internal("a consent with an unknown word");
        Ok(Self {
            id: row.id.into(),
            person_id: row.person_id.into(),
            purpose: ConsentPurpose::parse(&row.purpose).ok_or_else(unknown)?,
            decision: Decision::parse(&row.decision).ok_or_else(unknown)?,
            space_id: row.space_id.map(SpaceId),
            device_id: row.device_id.map(DeviceId),
            starts_at: row.starts_at,
            expires_at: row.expires_at,
            withdraws_id: row.withdraws_id.map(ConsentId),
            evidence_kind: EvidenceKind::parse(&row.evidence_kind).ok_or_else(unknown)?,
            evidence: row.evidence,
            given_by_user_id: UserId(row.given_by),
            request_id: row.request_id,
            created_at: row.created_at,
        })
    }
}

impl Consents<'_> {
    /// Whether a person has ever taken anything back, or whoever was merged into them.
    pub async fn is_any_withdrawn(&mut self, person: PersonId) -> Result<bool> {
        let agent = self.0.agent();
        let is = sqlx::query_scalar!(
            r#"select exists (select from consents where agent_id = $1 and decision = 'withdrawn'
                 and person_id in (select id from people where agent_id = $1 and (id = $2 or merged_into = $2))) as "is!""#,
            agent.0,
            person.0
        );
        Ok(is.fetch_one(self.0.connection()).await?)
    }

    /// Adds a row. The person is held.
    pub async fn insert(&mut self, new: &Consent) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "insert into consents (agent_id, id, person_id, number, purpose, decision, space_id, device_id, starts_at,
               expires_at, withdraws_id, evidence_kind, evidence, given_by, request_id, created_at)
             select $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
             from consents where agent_id = $1 and person_id = $3",
            agent.0,
            new.id.0,
            new.person_id.0,
            new.purpose.as_str(),
            new.decision.as_str(),
            new.space_id.map(|id| id.0),
            new.device_id.map(|id| id.0),
            new.starts_at,
            new.expires_at,
            new.withdraws_id.map(|id| id.0),
            new.evidence_kind.as_str(),
            new.evidence,
            new.given_by_user_id.0,
            new.request_id,
            new.created_at
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a consent was not written down")
    }

    /// What counts of a person's history of a purpose, oldest first: all since it was last withdrawn as a whole, with that.
    pub async fn history(&mut self, person: PersonId, purpose: ConsentPurpose) -> Result<Vec<Consent>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            ConsentRow,
            "select id, person_id, purpose, decision, space_id, device_id, starts_at, expires_at, withdraws_id,
               evidence_kind, evidence, given_by, request_id, created_at
             from consents where agent_id = $1 and person_id = $2 and purpose = $3 and number >= coalesce(
               (select max(number) from consents where agent_id = $1 and person_id = $2 and purpose = $3
                  and decision = 'withdrawn' and withdraws_id is null), 0)
             order by number",
            agent.0,
            person.0,
            purpose.as_str()
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        rows.map(Consent::try_from).collect()
    }

    /// What counts of the history of everybody who has a print, by person, each oldest first. Whoever has an account counts only
    /// while they belong to the agent and are not blocked.
    pub async fn histories_of_printed(
        &mut self,
        purpose: ConsentPurpose,
    ) -> Result<HashMap<PersonId, Vec<Consent>>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            ConsentRow,
            "select id, person_id, purpose, decision, space_id, device_id, starts_at, expires_at, withdraws_id,
               evidence_kind, evidence, given_by, request_id, created_at
             from consents c where agent_id = $1 and purpose = $2
               and person_id in (select person_id from voiceprints where agent_id = $1
                 union select person_id from faceprints where agent_id = $1)
               and (not exists (select from person_accounts a where a.agent_id = $1 and a.person_id = c.person_id)
                 or exists (select from person_accounts a join memberships m on m.agent_id = a.agent_id and m.user_id = a.user_id
                   where a.agent_id = $1 and a.person_id = c.person_id and m.revoked_at is null and m.role <> 'blocked'))
               and number >= coalesce((select max(number) from consents w where w.agent_id = $1
                 and w.person_id = c.person_id and w.purpose = $2 and w.decision = 'withdrawn' and w.withdraws_id is null), 0)
             order by person_id, number",
            agent.0,
            purpose.as_str()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let mut histories: HashMap<PersonId, Vec<Consent>> = HashMap::new();
        for row in rows {
            let row = Consent::try_from(row)?;
            histories.entry(row.person_id).or_default().push(row);
        }
        Ok(histories)
    }

    /// One row of a person's history, or of the history of somebody who was merged into them.
    pub async fn find(&mut self, person: PersonId, id: ConsentId) -> Result<Option<Consent>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            ConsentRow,
            "select id, person_id, purpose, decision, space_id, device_id, starts_at, expires_at, withdraws_id,
               evidence_kind, evidence, given_by, request_id, created_at
             from consents where agent_id = $1 and id = $3
               and person_id in (select id from people where agent_id = $1 and (id = $2 or merged_into = $2))",
            agent.0,
            person.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Consent::try_from).transpose()
    }

    /// What those granted for a purpose who were merged into a person, taken back or not.
    pub async fn grants_of_merged(
        &mut self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<Vec<ConsentId>> {
        let agent = self.0.agent();
        let ids = sqlx::query_scalar!(
            "select id from consents where agent_id = $1 and purpose = $3 and decision = 'granted'
               and person_id in (select id from people where agent_id = $1 and merged_into = $2)",
            agent.0,
            person.0,
            purpose.as_str()
        );
        let ids = ids.fetch_all(self.0.connection()).await?;
        Ok(ids.into_iter().map(ConsentId).collect())
    }

    /// A page of a person's history, newest first, of one purpose or of all.
    pub async fn list(
        &mut self,
        person: PersonId,
        purpose: Option<ConsentPurpose>,
        page: PageRequest,
    ) -> Result<Vec<Consent>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            ConsentRow,
            "select id, person_id, purpose, decision, space_id, device_id, starts_at, expires_at, withdraws_id,
               evidence_kind, evidence, given_by, request_id, created_at
             from consents where agent_id = $1 and person_id = $2 and ($3::text is null or purpose = $3)
               and ($4::uuid is null or number < (select number from consents where agent_id = $1 and id = $4))
             order by number desc limit $5",
            agent.0,
            person.0,
            purpose.map(ConsentPurpose::as_str),
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        rows.map(Consent::try_from).collect()
    }
}
