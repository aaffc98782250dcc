//! What was forgotten, and what is left to do about it on the disk.

mod erase;
mod person;
mod reach;
mod repeats;
mod scrub;
mod split;
mod target;

use serde_json::Value;
use uuid::Uuid;

pub use reach::Reach;
pub use scrub::{PROBE, TABLES, Unscrubbed};
pub use target::Found;

use super::Tx;
use crate::{
    clock::DateTime,
    erasures::{Counts, Erasure, Target},
    error::{Error, Result},
    identity::Caller,
    ids::{ErasureId, PersonId},
    page::PageRequest,
};

/// The table of erasures, and the tables that forgetting reaches.
pub struct Erasures<'a>(&'a mut Tx);

impl Tx {
    /// The table of erasures, and the tables that forgetting reaches.
    pub fn erasures(&mut self) -> Erasures<'_> {
        Erasures(self)
    }
}

struct ErasureRow {
    id: Uuid,
    target_kind: String,
    target_id: Uuid,
    counts: Value,
    erased_at: DateTime,
    scrub_by: DateTime,
    scrubbed_at: Option<DateTime>,
    wal: Option<String>,
}

impl TryFrom<ErasureRow> for Erasure {
    type Error = Error;

    fn try_from(row: ErasureRow) -> Result<Self> {
        let counts = serde_json::from_value(row.counts);
        Ok(Self {
            id: row.id.into(),
            target_kind: row.target_kind,
            target_id: row.target_id,
            counts: counts.map_err(|error| Error::because("counts of an erasure cannot be read", error))?,
            erased_at: row.erased_at,
            scrub_by: row.scrub_by,
            scrubbed_at: row.scrubbed_at,
            wal: row.wal,
        })
    }
}

impl Erasures<'_> {
    /// Keeps that something was forgotten.
    pub async fn insert(&mut self, new: &Erasure, audience: Option<PersonId>) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "insert into erasures (agent_id, id, audience_person_id, target_kind, target_id, counts, erased_at, scrub_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            agent.0,
            new.id.0,
            audience.map(|id| id.0),
            new.target_kind,
            new.target_id,
            counts(&new.counts),
            new.erased_at,
            new.scrub_by
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// One.
    pub async fn find(&mut self, id: ErasureId) -> Result<Option<Erasure>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            ErasureRow,
            "select id, target_kind, target_id, counts, erased_at, scrub_by, scrubbed_at, wal from erasures
             where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Erasure::try_from).transpose()
    }

    /// Those of the last time that a thing was forgotten, that the caller may see: first that of the thing itself. The unit of work may
    /// see more.
    pub async fn of(&mut self, target: Target, caller: &Caller) -> Result<Vec<Erasure>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            ErasureRow,
            "with seen as (select * from erasures where agent_id = $1 and target_kind = $2 and target_id = $3
               and (audience_person_id is null and $5 or audience_person_id = $4))
             select id, target_kind, target_id, counts, erased_at, scrub_by, scrubbed_at, wal from seen
             where erased_at = (select max(erased_at) from seen) order by id desc",
            agent.0,
            target.kind(),
            target.id(),
            caller.person().map(|id| id.0),
            caller.sees_the_household()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(Erasure::try_from).collect()
    }

    /// A page of them, newest first.
    pub async fn list(&mut self, page: PageRequest) -> Result<Vec<Erasure>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            ErasureRow,
            "select id, target_kind, target_id, counts, erased_at, scrub_by, scrubbed_at, wal from erasures
             where agent_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
            agent.0,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(Erasure::try_from).collect()
    }
}

fn counts(counts: &Counts) -> Value {
    serde_json::to_value(counts).unwrap_or_default()
}
