//! A session with one of the hub's roles: for what Postgres itself must refuse, whatever our code does.

#![expect(
    clippy::disallowed_methods,
    reason = "these statements try what no checked query of the hub does"
)]

use hub::ids::{AgentId, PersonId};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

/// A transaction that works as a role, as the hub's pools do. It is never committed.
pub struct RoleSession(Transaction<'static, Postgres>);

/// What Postgres says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    /// The message.
    pub message: String,
}

impl RoleSession {
    pub(crate) async fn begin(pool: &PgPool, role: &str) -> Self {
        let begun = pool.begin().await;
        let mut session = Self(begun.expect("the test's database takes connections"));
        session.run(&format!("set local role {role}")).await;
        session.run("set local search_path = hub").await;
        session
    }

    /// Says for whom this works, as the hub does at the beginning of a unit of work.
    pub async fn works_for(&mut self, agent: AgentId, person: Option<PersonId>) {
        let person = person.map_or_else(String::new, |id| id.to_string());
        self.run(&format!("set local hub.agent_id = '{agent}'")).await;
        self.run(&format!("set local hub.person_id = '{person}'")).await;
        self.run("set local hub.space_ids = '*'").await;
        self.run("set local hub.household = 'yes'").await;
    }

    /// Runs a statement. Returns how many rows it touched, or why it was refused; then it goes on as if it had not been
    /// tried.
    pub async fn tries(&mut self, statement: &str) -> Result<u64, Refusal> {
        self.run("savepoint tried").await;
        let done = sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *self.0)
            .await;
        match done {
            Ok(done) => {
                self.run("release tried").await;
                Ok(done.rows_affected())
            }
            Err(error) => {
                self.run("rollback to tried").await;
                Err(refusal(&error))
            }
        }
    }

    /// The SQLSTATE with which a statement is refused; empty when it is not.
    pub async fn refusal_of(&mut self, statement: &str) -> String {
        self.tries(statement)
            .await
            .err()
            .map_or_else(String::new, |refusal| refusal.code)
    }

    /// The one value of a query.
    pub async fn value<T>(&mut self, query: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut *self.0)
            .await
            .expect("the role may ask this")
    }

    async fn run(&mut self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *self.0)
            .await
            .expect("a plain statement runs");
    }
}

fn refusal(error: &sqlx::Error) -> Refusal {
    let database = error.as_database_error().expect("only Postgres refuses");
    Refusal {
        code: database
            .code()
            .map_or_else(String::new, std::borrow::Cow::into_owned),
        message: database.message().to_owned(),
    }
}
