//! Jobs: claim with a lease and a fencing token, finish in the effect's own transaction, lanes in order.

use chrono::Duration;
use serde_json::Value;
use sqlx::postgres::PgQueryResult;
use uuid::Uuid;

use super::{Ring, Tx};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{AgentId, JobId},
    jobs::{DeadJob, JobKind},
    page::PageRequest,
    telemetry::trace,
};

/// The table of jobs.
pub struct Jobs<'a>(&'a mut Tx);

impl Tx {
    /// The table of jobs.
    pub fn jobs(&mut self) -> Jobs<'_> {
        Jobs(self)
    }
}

/// Work to queue.
#[derive(Debug)]
pub struct NewJob {
    /// What to do.
    pub kind: JobKind,
    /// Jobs of one lane run one at a time, in order.
    pub lane: String,
    /// What it is about: ids only.
    pub subject: Uuid,
}

/// A job that this worker holds.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// The agent.
    pub agent: AgentId,
    /// What to do.
    pub kind: JobKind,
    /// What it is about.
    pub subject: Uuid,
    /// Tries before this one whose input was at fault.
    pub attempts: i32,
    /// How often whoever held it was lost before it could say what came of it.
    pub lost_leases: i32,
    /// The fencing token: a later holder has a higher one.
    pub fence: i64,
    /// The trace of what queued it.
    pub trace_context: Option<String>,
}

/// A query of jobs `j` that can be claimed at `$1`: what is asked, its end, and what it is asked with.
macro_rules! runnable {
    ($asked:literal, $end:literal, $($argument:expr),+) => {
        sqlx::query!(
            $asked
                + " from jobs j
               where ((j.state = 'queued' and j.run_at <= $1) or (j.state = 'leased' and j.lease_until < $1))
                 and not exists (select from jobs earlier where j.state = 'queued' and earlier.agent_id = j.agent_id
                   and earlier.lane = j.lane and earlier.state in ('queued', 'leased') and earlier.id < j.id)
                 and not exists (select from jobs held where j.state = 'queued' and held.agent_id = j.agent_id
                   and held.lane = j.lane and held.state = 'leased') "
                + $end,
            $($argument),+
        )
    };
}

impl Jobs<'_> {
    /// Queues work in this unit of work, and rings for a worker after the commit.
    pub async fn insert(&mut self, job: NewJob) -> Result<JobId> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let id = JobId::mint();
        sqlx::query!(
            "insert into jobs (id, agent_id, kind, lane, payload, state, run_at, created_at, trace_context)
             values ($1, $2, $3, $4, jsonb_build_object('subject', $5::uuid), 'queued', $6, $6, $7)",
            id.0,
            agent.0,
            job.kind.as_str(),
            job.lane,
            job.subject,
            now,
            trace::context()
        )
        .execute(self.0.connection())
        .await?;
        self.0.ring_for(id);
        Ok(id)
    }

    /// Queues work as [`Self::insert`] does, unless the same is queued already. That job is held until this unit of work
    /// ends: nobody begins it without seeing what is written here.
    pub async fn insert_once(&mut self, job: NewJob) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let id = JobId::mint();
        let done = sqlx::query!(
            "with same as (select from jobs where agent_id = $2 and lane = $4 and kind = $3 and state = 'queued'
               limit 1 for share skip locked)
             insert into jobs (id, agent_id, kind, lane, payload, state, run_at, created_at, trace_context)
             select $1, $2, $3, $4, jsonb_build_object('subject', $5::uuid), 'queued', $6, $6, $7
             where not exists (select from same)",
            id.0,
            agent.0,
            job.kind.as_str(),
            job.lane,
            job.subject,
            now,
            trace::context()
        )
        .execute(self.0.connection())
        .await?;
        if done.rows_affected() == 1 {
            self.0.ring_for(id);
        } else {
            // A worker that passed over the held one looks again.
            self.0.ring(Ring::Jobs);
        }
        Ok(())
    }

    /// Ends the queued jobs of turns that have ended, so that nothing waits behind them. One that a worker has in its hands is left
    /// to it: it finds out.
    pub async fn drop_turns(&mut self, turns: &[Uuid], lanes: &[String]) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update jobs set state = 'done', waiting_for = null, finished_at = $4 where id in (
               select id from jobs where agent_id = $1 and lane = any ($3) and kind = 'run_turn' and state = 'queued'
                 and (payload ->> 'subject')::uuid = any ($2) for update skip locked)",
            agent.0,
            turns,
            lanes,
            now
        )
        .execute(self.0.connection())
        .await?;
        // What stood behind them may go now.
        self.0.ring(Ring::Jobs);
        Ok(())
    }

    /// Whether a job of a kind died after a time.
    pub async fn has_died_since(&mut self, kind: JobKind, since: DateTime) -> Result<bool> {
        let agent = self.0.agent();
        let died = sqlx::query_scalar!(
            r#"select exists (select from jobs where agent_id = $1 and state = 'dead' and kind = $2
                 and finished_at > $3) as "died!""#,
            agent.0,
            kind.as_str(),
            since
        );
        Ok(died.fetch_one(self.0.connection()).await?)
    }

    /// Claims the oldest runnable job: one that is past its lease, or one that is queued and due, the first of its lane, and
    /// nothing of the lane is held. A replayed job may be older than the one that holds its lane: it waits for it, and the
    /// holder never for it. None when there is none; a conflict `lane_taken` when another worker was faster on the same
    /// lane: then ask again.
    pub async fn claim(&mut self, lease: Duration) -> Result<Option<Lease>> {
        let now = self.0.now();
        let until = now + lease;
        // Kinds of a newer program are left for it.
        let kinds = JobKind::ALL.map(|kind| kind.as_str().to_owned());
        let claimed = runnable!(
            "update jobs set state = 'leased', lease_until = $2, fence = fence + 1, waiting_for = null,
               lost_leases = lost_leases + (state = 'leased')::integer
             where id = (
               select j.id",
            "and j.kind = any ($3)
               order by j.run_at, j.id limit 1 for update skip locked)
             returning id, agent_id, kind, payload, attempts, lost_leases, fence, trace_context",
            now,
            until,
            &kinds
        )
        .fetch_optional(self.0.connection())
        .await;
        let row = match claimed {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Err(Error::conflict(
                    "lane_taken",
                    "another worker took this lane in this moment",
                ));
            }
            other => other?,
        };
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Lease {
            id: row.id.into(),
            agent: row.agent_id.into(),
            kind: JobKind::parse(&row.kind)
                .ok_or_else(|| Error::internal(format!("there is no job of the kind {}", row.kind)))?,
            subject: subject(&row.payload)?,
            attempts: row.attempts,
            lost_leases: row.lost_leases,
            fence: row.fence,
            trace_context: row.trace_context,
        }))
    }

    /// Jobs that could have been claimed since a time and before, the oldest first, at most so many.
    pub async fn runnable_since(&mut self, since: DateTime, most: usize) -> Result<Vec<JobId>> {
        let kinds = JobKind::ALL.map(|kind| kind.as_str().to_owned());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = runnable!(
            "select j.id",
            "and j.kind = any ($2) order by j.run_at, j.id limit $3",
            since,
            &kinds,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(|row| row.id.into()).collect())
    }

    /// Since when the oldest runnable job could have been claimed. None when none is runnable.
    pub async fn oldest_runnable(&mut self) -> Result<Option<DateTime>> {
        let now = self.0.now();
        let row = runnable!(
            r#"select coalesce(j.lease_until, j.run_at) as "since!""#,
            "order by j.run_at, j.id limit 1",
            now
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| row.since))
    }

    /// Gives a lease its life anew. One whose job this holder has just ended stays ended, and was not lost.
    pub async fn renew(&mut self, lease: &Lease, life: Duration) -> Result<()> {
        let until = self.0.now() + life;
        let done = sqlx::query!(
            "update jobs set lease_until = case when state = 'leased' then $3::timestamptz end
             where id = $1 and fence = $2",
            lease.id.0,
            lease.fence,
            until
        )
        .execute(self.0.connection())
        .await?;
        held(&done)
    }

    /// Holds a job under its lease until this unit of work ends. Fails when the lease was lost.
    pub async fn hold(&mut self, lease: &Lease) -> Result<()> {
        let done = sqlx::query!(
            "select from jobs where id = $1 and fence = $2 and state = 'leased' for no key update",
            lease.id.0,
            lease.fence
        )
        .execute(self.0.connection())
        .await?;
        held(&done)
    }

    /// Ends a job as done. Fails when the lease was lost: then somebody else does it, and this unit of work must not commit.
    pub async fn finish(&mut self, lease: &Lease) -> Result<()> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update jobs set state = 'done', lease_until = null, finished_at = $3
             where id = $1 and fence = $2 and state = 'leased'",
            lease.id.0,
            lease.fence,
            now
        )
        .execute(self.0.connection())
        .await?;
        held(&done)
    }

    /// Puts a job back: its input was at fault once more.
    pub async fn retry(&mut self, lease: &Lease, error: &str, run_at: DateTime) -> Result<()> {
        let done = sqlx::query!(
            "update jobs set state = 'queued', lease_until = null, attempts = attempts + 1, last_error = $3, run_at = $4
             where id = $1 and fence = $2 and state = 'leased'",
            lease.id.0,
            lease.fence,
            error,
            run_at
        )
        .execute(self.0.connection())
        .await?;
        held(&done)?;
        if run_at <= self.0.now() {
            self.0.ring_for(lease.id);
        }
        Ok(())
    }

    /// Puts a job back because something outside is away: not a try.
    pub async fn wait(&mut self, lease: &Lease, waiting_for: &str, run_at: DateTime) -> Result<()> {
        let done = sqlx::query!(
            "update jobs set state = 'queued', lease_until = null, waiting_for = $3, run_at = $4
             where id = $1 and fence = $2 and state = 'leased'",
            lease.id.0,
            lease.fence,
            waiting_for,
            run_at
        )
        .execute(self.0.connection())
        .await?;
        held(&done)?;
        if run_at <= self.0.now() {
            self.0.ring_for(lease.id);
        }
        Ok(())
    }

    /// Gives a job up. It is kept, listed and can be replayed.
    pub async fn bury(&mut self, lease: &Lease, error: &str) -> Result<()> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update jobs set state = 'dead', lease_until = null, attempts = attempts + 1, last_error = $3,
               finished_at = $4
             where id = $1 and fence = $2 and state = 'leased'",
            lease.id.0,
            lease.fence,
            error,
            now
        )
        .execute(self.0.connection())
        .await?;
        held(&done)
    }

    /// A page of dead jobs of the agent. What they are about is named where the caller sees it.
    pub async fn dead(&mut self, page: PageRequest) -> Result<Vec<DeadJob>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            r#"select id, kind, payload, attempts, last_error, created_at, finished_at as "died_at!", case kind
                 when 'run_turn' then exists (select from turns t where t.agent_id = j.agent_id and t.id = (j.payload ->> 'subject')::uuid)
                 when 'execute_action' then exists (select from actions a where a.agent_id = j.agent_id
                   and a.id = (j.payload ->> 'subject')::uuid)
                 else true end as "is_seen!"
               from jobs j where agent_id = $1 and state = 'dead' and ($2::uuid is null or id > $2) order by id limit $3"#,
            agent.0,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        rows.into_iter()
            .map(|row| {
                Ok(DeadJob {
                    id: row.id.into(),
                    kind: row.kind,
                    subject_id: row.is_seen.then(|| subject(&row.payload)).transpose()?,
                    attempts: row.attempts,
                    error: row.last_error,
                    created_at: row.created_at,
                    died_at: row.died_at,
                })
            })
            .collect()
    }

    /// Queues a dead job anew. None when there is no such dead job.
    pub async fn replay(&mut self, id: JobId) -> Result<Option<(JobKind, Uuid)>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let row = sqlx::query!(
            "update jobs set state = 'queued', attempts = 0, lost_leases = 0, run_at = $3, finished_at = null
             where agent_id = $1 and id = $2 and state = 'dead' returning kind, payload",
            agent.0,
            id.0,
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        let Some(row) = row else { return Ok(None) };
        self.0.ring_for(id);
        let kind = JobKind::parse(&row.kind).ok_or_else(|| Error::internal("a job of an unknown kind"))?;
        Ok(Some((kind, subject(&row.payload)?)))
    }

    /// Removes done jobs that ended before a time, at most so many.
    pub async fn purge(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from jobs where id in (select id from jobs where state = 'done' and finished_at < $1 limit $2)",
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}

fn subject(payload: &Value) -> Result<Uuid> {
    let id = payload
        .get("subject")
        .and_then(Value::as_str)
        .and_then(|text| Uuid::parse_str(text).ok());
    id.ok_or_else(|| Error::internal("a job without a subject"))
}

/// Fails when a write under a lease touched nothing: somebody else holds the job now.
fn held(done: &PgQueryResult) -> Result<()> {
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::conflict("lease_lost", "another worker holds this job now"))
    }
}
