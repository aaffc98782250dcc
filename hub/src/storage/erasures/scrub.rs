//! Writing the tables anew that held what was forgotten, and turning over what the database writes ahead.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::Erasures;
use crate::{clock::DateTime, error::Result, ids::NodeId, storage::Db};

/// The tables that hold what people said, or did. `hub.scrub` takes these and no others; a test compares.
pub const TABLES: [&str; 26] = [
    "events",
    "turns",
    "turn_stream",
    "turn_steps",
    "memories",
    "memory_candidates",
    "actions",
    "action_decisions",
    "commands",
    "idempotency_keys",
    "jobs",
    "device_shadows",
    "artifacts",
    "people",
    "consents",
    "invitations",
    "embeddings_384",
    "embeddings_768",
    "embeddings_1024",
    "embeddings_1536",
    "voiceprints",
    "faceprints",
    "identity_hypotheses",
    "recognition_observations",
    "presence",
    "presence_history",
];
/// The table by which it is told whether somebody may still need what was deleted.
pub const PROBE: &str = "scrub_probe";
/// Who waits for a table longer than this holds up all who come after.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// How much is written ahead at once to turn the files over.
const PIECE: i32 = 4 * 1024 * 1024;
/// SQLSTATE of what the login may not do.
const NOT_ALLOWED: &str = "42501";

/// The erasures that wait for their scrub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unscrubbed {
    /// How many wait.
    pub count: i64,
    /// When the oldest was.
    pub since: Option<DateTime>,
    /// When the first of them has to be done.
    pub due_at: Option<DateTime>,
}

/// One time through all tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// What it is for: what was forgotten since waits for the next.
    pub erasures: Vec<Uuid>,
    /// The tables that are done, in this try or one before it.
    pub written: Vec<String>,
}

impl Erasures<'_> {
    /// What waits for its scrub, across agents, and why the last one came to nothing.
    pub async fn waiting(&mut self) -> Result<(Unscrubbed, Option<String>)> {
        let row = sqlx::query!(
            r#"select count(*) as "count!", min(erased_at) as since, min(scrub_by) as due_at,
                 (select problem from scrubber_state) as problem
               from erasures where scrubbed_at is null"#
        );
        let row = row.fetch_one(self.0.connection()).await?;
        let waiting = Unscrubbed {
            count: row.count,
            since: row.since,
            due_at: row.due_at,
        };
        Ok((waiting, row.problem))
    }

    /// The round that is under way, or a new one for the erasures that wait across agents, of those whose artifacts have no bytes any
    /// more. None where nothing waits. The caller has the lease.
    pub async fn scrub_round(&mut self) -> Result<Option<Round>> {
        let row = sqlx::query!(
            r#"update scrubber_state set erasure_ids = coalesce(erasure_ids, (select array_agg(e.id) from erasures e
                 where e.scrubbed_at is null and not exists (select from artifacts a where a.agent_id = e.agent_id
                   and a.state = 'deleted' and a.removed_at is null and a.deleted_at <= e.erased_at)))
               returning erasure_ids, written"#
        );
        let row = row.fetch_one(self.0.connection()).await?;
        Ok(row.erasure_ids.map(|erasures| Round {
            erasures,
            written: row.written,
        }))
    }

    /// Notes that a table was written anew in this round.
    pub async fn written(&mut self, table: &str) -> Result<()> {
        sqlx::query!(
            "update scrubber_state set written = written || $1::text where erasure_ids is not null",
            table
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Takes the scrub for a process; false while another has it.
    pub async fn lease_scrub(&mut self, node: NodeId, until: DateTime) -> Result<bool> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update scrubber_state set leased_by = $1, lease_until = $2
             where leased_by is null or leased_by = $1 or lease_until < $3",
            node.0,
            until,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// Gives the scrub back, and says why it came to nothing where it did.
    pub async fn release_scrub(&mut self, node: NodeId, problem: Option<&str>) -> Result<()> {
        sqlx::query!(
            "update scrubber_state set leased_by = null, lease_until = null, problem = left($2, 500) where leased_by = $1",
            node.0,
            problem
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Ends the round: what it was for is scrubbed. How many erasures that are.
    pub async fn scrubbed(&mut self, ids: &[Uuid], wal: &str) -> Result<u64> {
        let now = self.0.now();
        let done = sqlx::query!(
            "with ended as (update scrubber_state set erasure_ids = null, written = '{}')
             update erasures set scrubbed_at = $2, wal = $3 where id = any ($1) and scrubbed_at is null",
            ids,
            now,
            wal
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Puts the row there that is then taken away.
    pub async fn put_probe(&mut self) -> Result<()> {
        sqlx::query!("insert into scrub_probe default values on conflict do nothing")
            .execute(self.0.connection())
            .await?;
        Ok(())
    }

    /// Takes it away.
    pub async fn take_probe(&mut self) -> Result<()> {
        sqlx::query!("delete from scrub_probe")
            .execute(self.0.connection())
            .await?;
        Ok(())
    }

    /// Writes a table anew; whether nothing at all is left in it. Nobody can use it meanwhile, which `limit` bounds.
    pub async fn rewrite(&mut self, table: &str, limit: Duration) -> Result<bool> {
        let patience = LOCK_PATIENCE.as_millis().to_string();
        let limit = limit.as_millis().to_string();
        sqlx::query!(
            "select set_config('lock_timeout', $1, true) as patience, set_config('statement_timeout', $2, true) as bound",
            patience,
            limit
        )
        .fetch_one(self.0.connection())
        .await?;
        let is_empty = sqlx::query_scalar!(r#"select scrub($1) as "is_empty!""#, table);
        Ok(is_empty.fetch_one(self.0.connection()).await?)
    }
}

impl Db {
    /// Has every file of the write-ahead log written over that was there before this; false where the login may not see to it,
    /// or the database keeps them for somebody.
    ///
    /// A checkpoint gives old files new names and leaves what is in them, for what is to come. So it goes on into the next file, lets
    /// a checkpoint give up all before it, and then writes as far as the last file reaches.
    pub async fn turn_over_wal(&self) -> Result<bool> {
        let mut connection = self.connect_options().connect().await?;
        let done = turn_over(&mut connection).await;
        // It did its work or failed; either way nothing more is said over it.
        let _ = connection.close().await;
        match done {
            Err(error) if code(&error).as_deref() == Some(NOT_ALLOWED) => Ok(false),
            other => Ok(other?),
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|error| error.code().map(std::borrow::Cow::into_owned))
}

async fn turn_over(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let size = sqlx::query_scalar!(
        r#"select setting::bigint as "size!" from pg_settings where name = 'wal_segment_size'"#
    );
    let size = size.fetch_one(&mut *connection).await?;
    let begun = position(connection).await?;
    write_until(connection, (begun / size + 1) * size).await?;
    checkpoint(connection).await?;
    let (first, last) = files(connection, size).await?;
    if first <= begun / size {
        return Ok(false);
    }
    write_until(connection, (last + 1) * size).await?;
    Ok(true)
}

async fn checkpoint(connection: &mut PgConnection) -> sqlx::Result<()> {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe("checkpoint".to_owned())))
        .await?;
    Ok(())
}

/// Where the log ends, in bytes since its beginning.
async fn position(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let at = sqlx::query_scalar!(r#"select (pg_current_wal_insert_lsn() - '0/0')::bigint as "at!""#);
    at.fetch_one(connection).await
}

/// Writes what means nothing, until the log ends behind a place.
async fn write_until(connection: &mut PgConnection, place: i64) -> sqlx::Result<()> {
    while position(connection).await? <= place {
        sqlx::query!(
            "select pg_logical_emit_message(false, 'hub', repeat('0', $1)) is null as done",
            PIECE
        )
        .fetch_one(&mut *connection)
        .await?;
    }
    // What is written is in the files before this returns: a message outside a transaction does not wait for that by itself.
    checkpoint(connection).await
}

/// The numbers of the first and the last file.
async fn files(connection: &mut PgConnection, size: i64) -> sqlx::Result<(i64, i64)> {
    let names =
        sqlx::query_scalar!(r#"select name as "name!" from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'"#);
    let names = names.fetch_all(connection).await?;
    let number = |name: &String| {
        let high = i64::from_str_radix(&name[8..16], 16).unwrap_or(0);
        let low = i64::from_str_radix(&name[16..], 16).unwrap_or(0);
        high * (0x1_0000_0000 / size) + low
    };
    let numbers: Vec<i64> = names.iter().map(number).collect();
    let first = numbers.iter().min().copied().unwrap_or(0);
    Ok((first, numbers.iter().max().copied().unwrap_or(0)))
}
