//! What turns say while they run, and the steps that they take.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::{Lease, Tx};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{PersonId, TurnId},
    turns::{
        frame::{Frame, FrameKind},
        step::{Step, StepOutcome, TurnStep},
    },
};

/// Frames read at once.
const MOST_FRAMES: i64 = 500;
/// Steps kept of a turn; during a long outage there is one a minute.
const MOST_STEPS: i32 = 100;

/// The tables of what turns say and do while they run.
pub struct TurnStream<'a>(&'a mut Tx);

impl Tx {
    /// The tables of what turns say and do while they run.
    pub fn turn_stream(&mut self) -> TurnStream<'_> {
        TurnStream(self)
    }
}

impl TurnStream<'_> {
    /// Locks a turn that runs under this lease, until the unit of work ends; false when it does not run under it any more.
    pub async fn hold(&mut self, turn: TurnId, lease: &Lease) -> Result<bool> {
        let agent = self.0.agent();
        let held = sqlx::query_scalar!(
            "select id from turns where agent_id = $1 and id = $2 and state = 'running' and fence = $3 for no key update",
            agent.0,
            turn.0,
            lease.fence
        );
        Ok(held.fetch_optional(self.0.connection()).await?.is_some())
    }

    /// Adds a frame to the stream of a turn that is held.
    pub async fn add(
        &mut self,
        turn: TurnId,
        audience: Option<PersonId>,
        kind: FrameKind,
        text: Option<&str>,
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "insert into turn_stream (agent_id, turn_id, ordinal, audience_person_id, kind, text, created_at)
             select $1, $2, coalesce(max(ordinal), 0) + 1, $3, $4, $5, $6 from turn_stream
             where agent_id = $1 and turn_id = $2",
            agent.0,
            turn.0,
            audience.map(|id| id.0),
            kind.as_str(),
            text,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Ends the streams of turns that have ended without an answer: what they said while they thought was never one.
    pub async fn end(&mut self, turns: &BTreeSet<TurnId>, kind: FrameKind) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let turns: Vec<Uuid> = turns.iter().map(|id| id.0).collect();
        sqlx::query!(
            "insert into turn_stream (agent_id, turn_id, ordinal, audience_person_id, kind, created_at)
             select $1, t.id, coalesce((select max(ordinal) from turn_stream s where s.agent_id = $1 and s.turn_id = t.id), 0) + 1,
               t.audience_person_id, $3, $4
             from turns t where t.agent_id = $1 and t.id = any ($2)",
            agent.0,
            &turns,
            kind.as_str(),
            now
        )
        .execute(self.0.connection())
        .await?;
        // After their ends, so that places go on rising.
        sqlx::query!(
            "delete from turn_stream where agent_id = $1 and turn_id = any ($2) and kind = 'delta'",
            agent.0,
            &turns
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Takes back what a try before this one has said.
    pub async fn restart(&mut self, turn: TurnId, audience: Option<PersonId>) -> Result<()> {
        let agent = self.0.agent();
        let last = sqlx::query_scalar!(
            "select kind from turn_stream where agent_id = $1 and turn_id = $2 order by ordinal desc limit 1",
            agent.0,
            turn.0
        );
        let last = last.fetch_optional(self.0.connection()).await?;
        if last.as_deref() == Some(FrameKind::Delta.as_str()) {
            self.add(turn, audience, FrameKind::Restart, None).await?;
            // After its restart, so that places go on rising.
            self.take_back(turn).await?;
        }
        Ok(())
    }

    /// Removes what a turn has said that came to nothing.
    async fn take_back(&mut self, turn: TurnId) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "delete from turn_stream where agent_id = $1 and turn_id = $2 and kind = 'delta'",
            agent.0,
            turn.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Takes back all that a turn has said and done, which is held and has not ended.
    pub async fn begin_anew(&mut self, turn: TurnId) -> Result<()> {
        let agent = self.0.agent();
        let audience = sqlx::query_scalar!(
            "with steps as (delete from turn_steps where agent_id = $1 and turn_id = $2)
             select audience_person_id from turns where agent_id = $1 and id = $2",
            agent.0,
            turn.0
        );
        let audience = audience.fetch_one(self.0.connection()).await?;
        self.restart(turn, audience.map(PersonId)).await
    }

    /// Opens the stream of a turn that goes again: its end becomes a restart, in a place that nobody has seen yet.
    pub async fn reopen(&mut self, turn: TurnId) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "update turn_stream set kind = 'restart', ordinal = ordinal + 1
             where agent_id = $1 and turn_id = $2 and kind in ('completed', 'skipped', 'dead')",
            agent.0,
            turn.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// The frames after a place, in order; a bounded number at once.
    pub async fn after(&mut self, turn: TurnId, ordinal: i64) -> Result<Vec<Frame>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            "select ordinal, kind, text from turn_stream
             where agent_id = $1 and turn_id = $2 and ordinal > $3 order by ordinal limit $4",
            agent.0,
            turn.0,
            ordinal,
            MOST_FRAMES
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        rows.map(|row| {
            Ok(Frame {
                ordinal: row.ordinal,
                kind: FrameKind::parse(&row.kind)
                    .ok_or_else(|| Error::internal("a frame of an unknown kind"))?,
                text: row.text,
            })
        })
        .collect()
    }

    /// Keeps a step of a turn that is held; beyond the most, nothing.
    pub async fn add_step(&mut self, turn: TurnId, audience: Option<PersonId>, step: &Step) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let usage = step.usage.as_ref().map(|usage| serde_json::json!(usage));
        sqlx::query!(
            "insert into turn_steps (agent_id, turn_id, ordinal, audience_person_id, attempt, outcome, function, usage,
               duration_ms, created_at)
             select $1, $2, last.ordinal + 1, $3, t.attempt, $4, $5, $6, $7, $8
             from turns t, (select coalesce(max(ordinal), 0) as ordinal from turn_steps
               where agent_id = $1 and turn_id = $2) as last
             where t.agent_id = $1 and t.id = $2 and last.ordinal < $9",
            agent.0,
            turn.0,
            audience.map(|id| id.0),
            step.outcome.as_str(),
            step.function,
            usage,
            step.duration_ms,
            now,
            MOST_STEPS
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// The steps of turns, each with its turn, in order.
    pub async fn steps(&mut self, turns: &[Uuid]) -> Result<Vec<(TurnId, TurnStep)>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            "select turn_id, attempt, outcome, function, usage, duration_ms, created_at from turn_steps
             where agent_id = $1 and turn_id = any ($2) order by turn_id, ordinal",
            agent.0,
            turns
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        rows.map(|row| {
            let usage: Option<Value> = row.usage;
            let usage = usage.map(serde_json::from_value).transpose();
            let step = TurnStep {
                attempt: row.attempt,
                outcome: StepOutcome::parse(&row.outcome)
                    .ok_or_else(|| Error::internal("a step with an unknown outcome"))?,
                function: row.function,
                usage: usage.map_err(|error| Error::because("a step's usage cannot be read", error))?,
                duration_ms: row.duration_ms,
                created_at: row.created_at,
            };
            Ok((TurnId(row.turn_id), step))
        })
        .collect()
    }

    /// The newest step of any turn, and how many turns wait for something. Across agents.
    pub async fn latest(&mut self) -> Result<(Option<(StepOutcome, DateTime)>, i64)> {
        let newest =
            sqlx::query!("select outcome, created_at from turn_steps order by created_at desc limit 1")
                .fetch_optional(self.0.connection())
                .await?;
        let newest = newest.and_then(|row| Some((StepOutcome::parse(&row.outcome)?, row.created_at)));
        let waiting =
            sqlx::query_scalar!(r#"select count(*) as "count!" from turns where state = 'waiting'"#);
        Ok((newest, waiting.fetch_one(self.0.connection()).await?))
    }

    /// Removes old streams, across agents. Returns how many rows went.
    pub async fn purge(&mut self, before: DateTime, limit: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from turn_stream where ctid in (
               select s.ctid from turn_stream s join turns t on t.agent_id = s.agent_id and t.id = s.turn_id
               where s.created_at < $1 and t.state in ('planned', 'skipped', 'dead') limit $2)",
            before,
            limit
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
