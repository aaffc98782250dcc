//! Whether the database's schema is the one that this program was made for.

use sqlx::PgConnection;

use super::db::MIGRATOR;
use crate::error::Result;

/// What the schema is to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Just right.
    Current,
    /// Migrations are missing.
    Older {
        /// How many.
        missing: usize,
    },
    /// A newer program has migrated it: what that relies on, this one does not know.
    Newer {
        /// Its newest migration.
        version: i64,
        /// The newest that this program knows.
        known: i64,
    },
}

/// Compares what was applied with what this program knows.
pub(super) async fn compare(connection: &mut PgConnection) -> Result<Schema> {
    let applied = applied(connection).await?;
    let known: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    let newest = known.iter().max().copied().unwrap_or_default();
    if let Some(version) = applied.iter().copied().filter(|version| *version > newest).max() {
        return Ok(Schema::Newer {
            version,
            known: newest,
        });
    }
    let missing = known.iter().filter(|version| !applied.contains(version)).count();
    Ok(if missing == 0 {
        Schema::Current
    } else {
        Schema::Older { missing }
    })
}

/// The versions of the migrations that were applied, none if the table is not there yet.
#[expect(
    clippy::disallowed_methods,
    reason = "the migrator's own table is not in our schema"
)]
async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>> {
    let exists: bool = sqlx::query_scalar("select to_regclass('public._sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    Ok(
        sqlx::query_scalar("select version from public._sqlx_migrations where success")
            .fetch_all(connection)
            .await?,
    )
}
