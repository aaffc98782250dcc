//! Whether the database's schema is the one that this program was made for.

use std::collections::BTreeMap;

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
    /// Another build has migrated it, with statements that are not this program's: nobody knows what they made.
    Different {
        /// The first migration that is another.
        version: i64,
    },
}

/// Compares what was applied with what this program knows.
pub(super) async fn compare(connection: &mut PgConnection) -> Result<Schema> {
    let applied = applied(connection).await?;
    let known: BTreeMap<i64, &[u8]> = MIGRATOR
        .iter()
        .map(|migration| (migration.version, &*migration.checksum))
        .collect();
    let newest = known.keys().next_back().copied().unwrap_or_default();
    let is_other = |(version, checksum): &(&i64, &Vec<u8>)| {
        **version <= newest && known.get(version) != Some(&checksum.as_slice())
    };
    // Before all else: a database that has gone another way is neither older nor newer.
    if let Some((version, _)) = applied.iter().find(is_other) {
        return Ok(Schema::Different { version: *version });
    }
    if let Some(version) = applied.keys().next_back().filter(|version| **version > newest) {
        return Ok(Schema::Newer {
            version: *version,
            known: newest,
        });
    }
    Ok(match known.len() - applied.len() {
        0 => Schema::Current,
        missing => Schema::Older { missing },
    })
}

/// The migrations that were applied with the checksums of their statements, none if the table is not there yet.
#[expect(
    clippy::disallowed_methods,
    reason = "the migrator's own table is not in our schema"
)]
async fn applied(connection: &mut PgConnection) -> Result<BTreeMap<i64, Vec<u8>>> {
    let exists: bool = sqlx::query_scalar("select to_regclass('public._sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select version, checksum from public._sqlx_migrations where success")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().collect())
}
