//! A look at the truth past row-level security: for assertions and for damage, never for what the hub does.

#![expect(
    clippy::disallowed_methods,
    reason = "assertions are written where they are read, not checked against a schema at build time"
)]

use std::collections::BTreeMap;

use sqlx::{
    AssertSqlSafe, PgPool, Postgres,
    postgres::{PgPoolOptions, PgRow},
};

use crate::role::RoleSession;

/// Several roles may be tried at once beside it.
const CONNECTIONS: u32 = 6;

/// A pool of the cluster's superuser, for whom row-level security is void.
#[derive(Debug, Clone)]
pub struct SuperuserSql(PgPool);

impl SuperuserSql {
    pub(crate) fn new(url: &str) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_lazy(url);
        Self(pool.expect("the URL was used before"))
    }

    /// The pool.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.0
    }

    /// A session that works as one of the hub's roles, under row-level security.
    pub async fn as_role(&self, role: &str) -> RoleSession {
        RoleSession::begin(&self.0, role).await
    }

    /// Runs statements.
    pub async fn execute(&self, statements: &str) {
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&self.0)
            .await
        {
            fail(statements, &error);
        }
    }

    /// Waits until so many sessions wait for a lock; false where five seconds bring no more.
    pub async fn waits_for_locks(&self, sessions: i64) -> bool {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        for _ in 0..1_000 {
            if self.value::<i64>(waiting).await >= sessions {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        false
    }

    /// The one value of a query, not null.
    pub async fn value<T>(&self, query: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> + Send + Unpin,
    {
        let read = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.0);
        read.await.unwrap_or_else(|error| fail(query, &error))
    }

    /// A query's first column, not null.
    pub async fn values<T>(&self, query: &str) -> Vec<T>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> + Send + Unpin,
    {
        let read = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&self.0);
        read.await.unwrap_or_else(|error| fail(query, &error))
    }

    /// A query's rows as tuples.
    pub async fn rows<T>(&self, query: &str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin,
    {
        let read = sqlx::query_as(AssertSqlSafe(query.to_owned())).fetch_all(&self.0);
        read.await.unwrap_or_else(|error| fail(query, &error))
    }

    /// How many rows every table of the hub has.
    pub async fn census(&self) -> BTreeMap<String, i64> {
        let mut census = BTreeMap::new();
        let tables =
            "select relname::text from pg_class where relnamespace = 'hub'::regnamespace and relkind = 'r'";
        for table in self.values::<String>(tables).await {
            let rows = self.count(&table, "true").await;
            census.insert(table, rows);
        }
        census
    }

    /// The columns of all tables of the hub that meet a condition on `c`, their `pg_class`, and `a`, their `pg_attribute`: the
    /// table and the column.
    pub async fn columns(&self, condition: &str) -> Vec<(String, String)> {
        self.rows(&format!(
            "select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
             where c.relnamespace = 'hub'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
               and {condition} order by 1, 2"
        ))
        .await
    }

    /// How many rows of a table of the hub meet a condition.
    pub async fn count(&self, table: &str, condition: &str) -> i64 {
        self.value(&format!("select count(*) from hub.{table} where {condition}"))
            .await
    }
}

#[expect(clippy::panic, reason = "an assertion that cannot be read has failed")]
fn fail(query: &str, error: &sqlx::Error) -> ! {
    panic!("{query}\n{error}")
}
