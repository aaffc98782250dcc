//! Prints. Their vectors go in, are compared, and never come out.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Recognition, modality};
use crate::{
    clock::DateTime,
    error::Result,
    ids::{ConsentId, PersonId, PrintId, UserId},
    page::PageRequest,
    recognition::{Modality, Print, rule::Compared, vector::Vector},
    storage::identity::one,
};

/// A print to keep.
#[derive(Debug)]
pub struct NewPrint<'a> {
    /// What is said of it.
    pub print: &'a Print,
    /// The vector.
    pub vector: &'a Vector,
    /// The salt of its commitment.
    pub salt: &'a [u8; 32],
}

struct PrintRow {
    id: Uuid,
    person_id: Uuid,
    modality: String,
    model: String,
    consent_id: Uuid,
    made_by: Uuid,
    created_at: DateTime,
}

impl TryFrom<PrintRow> for Print {
    type Error = crate::error::Error;

    fn try_from(row: PrintRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            person_id: row.person_id.into(),
            modality: modality(&row.modality)?,
            model: row.model,
            consent_id: row.consent_id.into(),
            made_by_user_id: UserId(row.made_by),
            created_at: row.created_at,
        })
    }
}

/// A query of prints `p` of both kinds: its condition and end, and what it is asked with.
macro_rules! prints {
    ($end:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            PrintRow,
            r#"select id as "id!", person_id as "person_id!", modality as "modality!", model as "model!",
                 consent_id as "consent_id!", made_by as "made_by!", created_at as "created_at!"
               from (select agent_id, id, person_id, 'voice' as modality, model, consent_id, made_by, created_at from voiceprints
                 union all
                 select agent_id, id, person_id, 'face', model, consent_id, made_by, created_at from faceprints) as p
               where p.agent_id = $1 and p.person_id = $2 "#
                + $end,
            $($argument),+
        )
    };
}

/// The insertion of a print into the table of its kind. Vectors pass as real[]: their own type is not on the search path.
macro_rules! insert_into {
    ($table:literal, $agent:ident, $new:ident) => {
        sqlx::query!(
            "insert into " + $table + " (agent_id, id, person_id, model, embedding, embedding_salt, consent_id, made_by, created_at)
             values ($1, $2, $3, $4, $5::real[], $6, $7, $8, $9)",
            $agent.0,
            $new.print.id.0,
            $new.print.person_id.0,
            $new.print.model,
            $new.vector.numbers(),
            $new.salt.as_slice(),
            $new.print.consent_id.0,
            $new.print.made_by_user_id.0,
            $new.print.created_at
        )
    };
}

impl Recognition<'_> {
    /// Keeps one.
    pub async fn insert_print(&mut self, new: &NewPrint<'_>) -> Result<()> {
        let agent = self.0.agent();
        let insert = match new.print.modality {
            Modality::Voice => insert_into!("voiceprints", agent, new),
            Modality::Face => insert_into!("faceprints", agent, new),
        };
        let done = insert.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a print was not kept")
    }

    /// The print of a person that has exactly this vector, by this grant.
    pub async fn same_print(
        &mut self,
        person: PersonId,
        model: &str,
        vector: &Vector,
        grant: ConsentId,
    ) -> Result<Option<Print>> {
        let agent = self.0.agent();
        let id = sqlx::query_scalar!(
            r#"select id as "id!" from voiceprints
                 where $5 = 'voice' and agent_id = $1 and person_id = $2 and model = $3 and embedding::real[] = $4 and consent_id = $6
               union all
               select id from faceprints
                 where $5 = 'face' and agent_id = $1 and person_id = $2 and model = $3 and embedding::real[] = $4 and consent_id = $6
               limit 1"#,
            agent.0,
            person.0,
            model,
            vector.numbers(),
            vector.modality().as_str(),
            grant.0
        );
        match id.fetch_optional(self.0.connection()).await? {
            Some(id) => self.find_print(person, PrintId(id)).await,
            None => Ok(None),
        }
    }

    /// How many of a modality a person has, and the whole agent.
    pub async fn count_prints(&mut self, person: PersonId, of: Modality) -> Result<(i64, i64)> {
        let agent = self.0.agent();
        let row = sqlx::query!(
            r#"select count(*) filter (where person_id = $2) as "own!", count(*) as "all!" from (
                 select person_id from voiceprints where agent_id = $1 and $3 = 'voice'
                 union all select person_id from faceprints where agent_id = $1 and $3 = 'face') as p"#,
            agent.0,
            person.0,
            of.as_str()
        );
        let row = row.fetch_one(self.0.connection()).await?;
        Ok((row.own, row.all))
    }

    /// One of a person's.
    pub async fn find_print(&mut self, person: PersonId, id: PrintId) -> Result<Option<Print>> {
        let agent = self.0.agent();
        let row = prints!("and p.id = $3", agent.0, person.0, id.0);
        let row = row.fetch_optional(self.0.connection()).await?;
        row.map(Print::try_from).transpose()
    }

    /// A page of a person's, newest first.
    pub async fn prints(&mut self, person: PersonId, page: PageRequest) -> Result<Vec<Print>> {
        let agent = self.0.agent();
        let rows = prints!(
            "and ($3::uuid is null or p.id < $3) order by p.id desc limit $4",
            agent.0,
            person.0,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter().map(Print::try_from).collect()
    }

    /// Takes one of a person's away.
    pub async fn delete_print(&mut self, person: PersonId, id: PrintId) -> Result<()> {
        let agent = self.0.agent();
        let count = sqlx::query_scalar!(
            r#"with voices as (delete from voiceprints where agent_id = $1 and person_id = $2 and id = $3 returning 1),
                 faces as (delete from faceprints where agent_id = $1 and person_id = $2 and id = $3 returning 1)
               select (select count(*) from voices) + (select count(*) from faces) as "count!""#,
            agent.0,
            person.0,
            id.0
        );
        let count = count.fetch_one(self.0.connection()).await?;
        one(count.unsigned_abs(), "a print was not taken away")
    }

    /// Compares with every print of a model that these people have, and whose grant has not ended.
    pub async fn compare(
        &mut self,
        vector: &Vector,
        model: &str,
        people: &HashMap<PersonId, ConsentId>,
    ) -> Result<Vec<Compared>> {
        let now = self.0.now();
        let people: Vec<Uuid> = people.keys().map(|person| person.0).collect();
        let rows = sqlx::query!(
            r#"select print_id as "print_id!", person_id as "person_id!", cosine as "cosine!"
               from match_prints($1, $2, $3, $4, $5)"#,
            vector.modality().as_str(),
            vector.numbers(),
            model,
            &people,
            now
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let compared = rows.into_iter().map(|row| Compared {
            print: row.print_id.into(),
            person: row.person_id.into(),
            cosine: f64::from(row.cosine),
        });
        Ok(compared.collect())
    }
}
