//! People.

mod belonging;
mod merge;

use uuid::Uuid;

pub use merge::{HeldPerson, MOVED, STAYING};

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    error::Result,
    ids::{PersonId, UserId},
    page::PageRequest,
    people::Person,
};

/// The table of people, with the logins that belong to them.
pub struct People<'a>(&'a mut Tx);

impl Tx {
    /// The table of people.
    pub fn people(&mut self) -> People<'_> {
        People(self)
    }
}

struct PersonRow {
    id: Uuid,
    name: Option<String>,
    aliases: Vec<String>,
    relationship: Option<String>,
    user_id: Option<Uuid>,
    created_at: DateTime,
    updated_at: Option<DateTime>,
    forgotten_at: Option<DateTime>,
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            aliases: row.aliases,
            relationship: row.relationship,
            user_id: row.user_id.map(UserId),
            created_at: row.created_at,
            updated_at: row.updated_at,
            forgotten_at: row.forgotten_at,
        }
    }
}

/// A query of people `p`: its end, and what it is asked with.
macro_rules! people {
    ($end:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            PersonRow,
            r#"select p.id, p.name, p.aliases, p.relationship, (select a.user_id from person_accounts a
                 where a.agent_id = p.agent_id and a.person_id = p.id limit 1) as "user_id", p.created_at, p.updated_at,
                 p.forgotten_at
               from people p where p.agent_id = $1 "#
                + $end,
            $($argument),+
        )
    };
}

impl People<'_> {
    /// How many there are.
    pub async fn count(&mut self) -> Result<i64> {
        let agent = self.0.agent();
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from people where agent_id = $1 and name is not null"#,
            agent.0
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// One.
    pub async fn find(&mut self, id: PersonId) -> Result<Option<Person>> {
        let agent = self.0.agent();
        let row = people!("and p.id = $2", agent.0, id.0);
        Ok(row.fetch_optional(self.0.connection()).await?.map(Person::from))
    }

    /// Holds one until the unit of work ends: nobody merges or forgets them meanwhile, and their consents go on one by one. After
    /// memberships, and before turns and the agent's head. Who they are is looked at after it: what a statement reads beside the row
    /// that it waits for is from before the wait.
    pub async fn lock(&mut self, id: PersonId) -> Result<()> {
        self.hold(&[id]).await
    }

    /// The same of several, in one order.
    pub async fn hold(&mut self, ids: &[PersonId]) -> Result<()> {
        let agent = self.0.agent();
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        sqlx::query!(
            "select id from people where agent_id = $1 and id = any ($2) order by id for no key update",
            agent.0,
            &ids
        )
        .fetch_all(self.0.connection())
        .await?;
        Ok(())
    }

    /// A page of them, newest first; those who were forgotten are not among them.
    pub async fn list(&mut self, page: PageRequest) -> Result<Vec<Person>> {
        let agent = self.0.agent();
        let rows = people!(
            "and p.name is not null and ($2::uuid is null or p.id < $2) order by p.id desc limit $3",
            agent.0,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(Person::from).collect())
    }

    /// Everybody who has a name: as many as an agent may know, and those who have a login.
    pub async fn known(&mut self) -> Result<Vec<Person>> {
        let agent = self.0.agent();
        let rows = people!("and p.name is not null order by p.id limit 2000", agent.0);
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(Person::from).collect())
    }

    /// Inserts one.
    pub async fn insert(&mut self, new: &Person) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "insert into people (agent_id, id, name, aliases, relationship, created_at) values ($1, $2, $3, $4, $5, $6)",
            agent.0,
            new.id.0,
            new.name,
            &new.aliases,
            new.relationship,
            new.created_at
        );
        one(
            done.execute(self.0.connection()).await?.rows_affected(),
            "a person was not inserted",
        )
    }

    /// Writes what is said of one.
    pub async fn update(&mut self, person: &Person) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update people set name = $3, aliases = $4, relationship = $5, updated_at = $6
             where agent_id = $1 and id = $2 and name is not null",
            agent.0,
            person.id.0,
            person.name,
            &person.aliases,
            person.relationship,
            person.updated_at
        );
        one(
            done.execute(self.0.connection()).await?.rows_affected(),
            "a person was not changed",
        )
    }
}
