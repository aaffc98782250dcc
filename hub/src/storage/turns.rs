//! Turns and their inputs.

use serde_json::Value;
use uuid::Uuid;

use super::{Lease, Tx, identity::one};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{EventId, PersonId, SessionId, SpaceId, TurnId},
    page::PageRequest,
    turns::{
        Block, Read, Turn, TurnState,
        talker::{self, Talker},
    },
};

/// The tables of turns.
pub struct Turns<'a>(&'a mut Tx);

impl Tx {
    /// The tables of turns.
    pub fn turns(&mut self) -> Turns<'_> {
        Turns(self)
    }
}

/// What the engine needs to know of a turn.
#[derive(Debug, Clone)]
pub struct TurnRow {
    /// Its id.
    pub id: TurnId,
    /// Its session.
    pub session: SessionId,
    /// The session's space.
    pub space: SpaceId,
    /// With whose eyes it runs.
    pub audience: Option<PersonId>,
    /// Where it stands.
    pub state: TurnState,
}

impl TurnRow {
    /// The lane of its job: a session thinks of one thing at a time.
    #[must_use]
    pub fn lane(&self) -> String {
        lane_of(self.session)
    }
}

/// The lane of the jobs of a session's turns.
#[must_use]
pub fn lane_of(session: SessionId) -> String {
    format!("session:{session}")
}

/// Whose turns are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Of all sessions of a space.
    Space(SpaceId),
    /// Of one session.
    Session(SessionId),
}

struct FullRow {
    id: Uuid,
    session_id: Uuid,
    state: String,
    reason: Option<String>,
    waiting_for: Option<String>,
    attempt: i32,
    runtime: Option<String>,
    usage: Option<Value>,
    reply_event_id: Option<Uuid>,
    created_at: DateTime,
    finished_at: Option<DateTime>,
    inputs: Vec<Uuid>,
    reply: Option<Value>,
}

impl TryFrom<FullRow> for Turn {
    type Error = Error;

    fn try_from(row: FullRow) -> Result<Self> {
        let blocks = row.reply.map(serde_json::from_value::<Vec<Block>>).transpose();
        Ok(Self {
            id: row.id.into(),
            session_id: row.session_id.into(),
            state: TurnState::parse(&row.state)
                .ok_or_else(|| Error::internal("a turn in an unknown state"))?,
            reason: row.reason,
            waiting_for: row.waiting_for,
            attempt: row.attempt,
            runtime: row.runtime,
            usage: row.usage,
            steps: Vec::new(),
            input_event_ids: row.inputs.into_iter().map(EventId).collect(),
            reply_event_id: row.reply_event_id.map(EventId),
            reply: blocks.map_err(|error| Error::because("a reply cannot be read", error))?,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

impl Turns<'_> {
    /// Queues a turn on events that this unit of work appends.
    pub async fn insert(
        &mut self,
        id: TurnId,
        session: SessionId,
        audience: Option<PersonId>,
        inputs: &[Uuid],
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "with turn as (insert into turns (agent_id, id, session_id, audience_person_id, state, created_at)
               values ($1, $2, $3, $4, 'queued', $5))
             insert into turn_inputs (agent_id, turn_id, ordinal, event_id)
             select $1, $2, row.ordinal::integer, row.event_id
             from unnest($6::uuid[]) with ordinality as row(event_id, ordinal)",
            agent.0,
            id.0,
            session.0,
            audience.map(|id| id.0),
            now,
            inputs
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// What the engine needs to know, whoever may see it: the turn itself says with whose eyes it runs.
    pub async fn row(&mut self, id: TurnId) -> Result<Option<TurnRow>> {
        let agent = self.0.agent();
        let row = sqlx::query!(
            "select t.id, t.session_id, s.space_id, t.audience_person_id, t.state from turns t
             join sessions s on s.agent_id = t.agent_id and s.id = t.session_id
             where t.agent_id = $1 and t.id = $2",
            agent.0,
            id.0
        )
        .fetch_optional(self.0.connection())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(TurnRow {
            id: row.id.into(),
            session: row.session_id.into(),
            space: row.space_id.into(),
            audience: row.audience_person_id.map(PersonId),
            state: TurnState::parse(&row.state)
                .ok_or_else(|| Error::internal("a turn in an unknown state"))?,
        }))
    }

    /// With whom a turn is, as they are now; none where nobody but those who are blocked has said anything. Who has left is told no
    /// more than a guest.
    pub async fn talker(&mut self, turn: &TurnRow) -> Result<Option<Talker>> {
        let agent = self.0.agent();
        let is_delegates = sqlx::query_scalar!(
            r#"select exists (select from sessions s join conversations c on c.agent_id = s.agent_id and c.id = s.conversation_id
                 where s.agent_id = $1 and s.id = $2 and c.delegation_id is not null) as "is!""#,
            agent.0,
            turn.session.0
        );
        if is_delegates.fetch_one(self.0.connection()).await? {
            return Ok(Some(Talker::Delegate));
        }
        let speakers = self.speakers(turn.id).await?;
        let people: Vec<PersonId> = speakers.iter().copied().flatten().chain(turn.audience).collect();
        let belongings = self.0.people().belongings(&people).await?;
        Ok(talker::of(turn.audience, &speakers, |person| {
            belongings.get(&person).copied()
        }))
    }

    /// Whose words the inputs of a turn are; none, where it is not known.
    async fn speakers(&mut self, id: TurnId) -> Result<Vec<Option<PersonId>>> {
        let agent = self.0.agent();
        let rows = sqlx::query_scalar!(
            "select e.person_id from turn_inputs i join events e on e.agent_id = i.agent_id and e.id = i.event_id
             where i.agent_id = $1 and i.turn_id = $2 and e.payload is not null",
            agent.0,
            id.0
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        Ok(rows.map(|person| person.map(PersonId)).collect())
    }

    /// The inputs of a turn, in order, seen or not.
    pub async fn inputs(&mut self, id: TurnId) -> Result<Vec<EventId>> {
        let agent = self.0.agent();
        let ids = sqlx::query_scalar!(
            "select event_id from turn_inputs where agent_id = $1 and turn_id = $2 order by ordinal",
            agent.0,
            id.0
        );
        Ok(ids
            .fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(EventId)
            .collect())
    }

    /// Holds the turns that have not ended, oldest first, at most so many. Before the agent's head: whoever holds a turn takes
    /// that last.
    pub async fn lock_open(&mut self, within: Within, most: i64) -> Result<Vec<TurnRow>> {
        let agent = self.0.agent();
        let (space, session) = match within {
            Within::Space(id) => (Some(id.0), None),
            Within::Session(id) => (None, Some(id.0)),
        };
        let rows = sqlx::query!(
            "select t.id, t.session_id, s.space_id, t.audience_person_id, t.state from turns t
             join sessions s on s.agent_id = t.agent_id and s.id = t.session_id
             where t.agent_id = $1 and t.state in ('queued', 'running', 'waiting')
               and ($2::uuid is null or s.space_id = $2) and ($3::uuid is null or t.session_id = $3)
             order by t.id limit $4 for no key update of t",
            agent.0,
            space,
            session,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        rows.map(|row| {
            Ok(TurnRow {
                id: row.id.into(),
                session: row.session_id.into(),
                space: row.space_id.into(),
                audience: row.audience_person_id.map(PersonId),
                state: TurnState::parse(&row.state)
                    .ok_or_else(|| Error::internal("a turn in an unknown state"))?,
            })
        })
        .collect()
    }

    /// Whether a turn runs under a lease.
    pub async fn runs(&mut self, id: TurnId, lease: &Lease) -> Result<bool> {
        let agent = self.0.agent();
        let runs = sqlx::query_scalar!(
            r#"select exists (select from turns where agent_id = $1 and id = $2 and state = 'running' and fence = $3)
               as "runs!""#,
            agent.0,
            id.0,
            lease.fence
        );
        Ok(runs.fetch_one(self.0.connection()).await?)
    }

    /// The turn that ran on an event.
    pub async fn of_event(&mut self, event: EventId) -> Result<Option<TurnId>> {
        let agent = self.0.agent();
        let id = sqlx::query_scalar!(
            "select turn_id from turn_inputs where agent_id = $1 and event_id = $2",
            agent.0,
            event.0
        );
        Ok(id.fetch_optional(self.0.connection()).await?.map(TurnId))
    }

    /// Marks a turn as running under a lease; false when it has ended.
    pub async fn start(&mut self, id: TurnId, lease: &Lease, runtime: &str) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update turns set state = 'running', waiting_for = null, attempt = attempt + 1, fence = $3, runtime = $4,
               started_at = coalesce(started_at, $5)
             where agent_id = $1 and id = $2 and state in ('queued', 'running', 'waiting')",
            agent.0,
            id.0,
            lease.fence,
            runtime,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Writes down what a turn that runs has read; false when it does not run under this lease any more.
    pub async fn note_read(&mut self, id: TurnId, lease: &Lease, read: &Read) -> Result<bool> {
        let agent = self.0.agent();
        let people: Vec<Uuid> = read.known.iter().map(|known| known.person_id.0).collect();
        let done = sqlx::query!(
            "update turns set read_event_ids = $4, read_memory_ids = $5, read_action_ids = $6, read_person_ids = $7,
               read_consent_ids = $8
             where agent_id = $1 and id = $2 and state = 'running' and fence = $3",
            agent.0,
            id.0,
            lease.fence,
            &read.events,
            &read.memories,
            &read.actions,
            &people,
            &read.consents
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The same of memories that it looked up on the way.
    pub async fn note_more(&mut self, id: TurnId, lease: &Lease, memories: &[Uuid]) -> Result<bool> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update turns set read_memory_ids = read_memory_ids || $4
             where agent_id = $1 and id = $2 and state = 'running' and fence = $3",
            agent.0,
            id.0,
            lease.fence,
            memories
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a running turn as planned.
    pub async fn plan(
        &mut self,
        id: TurnId,
        lease: &Lease,
        reply: Option<EventId>,
        usage: &Value,
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update turns set state = 'planned', reply_event_id = $4, usage = $5, finished_at = $6
             where agent_id = $1 and id = $2 and state = 'running' and fence = $3",
            agent.0,
            id.0,
            lease.fence,
            reply.map(|id| id.0),
            usage,
            now
        )
        .execute(self.0.connection())
        .await?;
        one(done.rows_affected(), "a turn was planned without its lease")
    }

    /// Ends a turn without planning, as `skipped` or `dead`; false when it had ended.
    pub async fn end(&mut self, id: TurnId, state: TurnState, reason: &str) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update turns set state = $3, reason = $4, waiting_for = null, finished_at = $5
             where agent_id = $1 and id = $2 and state in ('queued', 'running', 'waiting')",
            agent.0,
            id.0,
            state.as_str(),
            reason,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Says what a turn waits for, or that it will be tried again.
    pub async fn hold(&mut self, id: TurnId, waiting_for: Option<&str>) -> Result<()> {
        let agent = self.0.agent();
        let state = if waiting_for.is_some() {
            "waiting"
        } else {
            "queued"
        };
        sqlx::query!(
            "update turns set state = $3, waiting_for = $4
             where agent_id = $1 and id = $2 and state in ('queued', 'running', 'waiting')",
            agent.0,
            id.0,
            state,
            waiting_for
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Queues a dead turn anew; false when it is not dead.
    pub async fn revive(&mut self, id: TurnId) -> Result<bool> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update turns set state = 'queued', reason = null, finished_at = null
             where agent_id = $1 and id = $2 and state = 'dead'",
            agent.0,
            id.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// One turn with its reply.
    pub async fn find(&mut self, id: TurnId) -> Result<Option<Turn>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            FullRow,
            r#"select t.id, t.session_id, t.state, t.reason, t.waiting_for, t.attempt, t.runtime, t.usage,
                 t.reply_event_id, t.created_at, t.finished_at,
                 array(select i.event_id from turn_inputs i where i.agent_id = t.agent_id and i.turn_id = t.id
                   order by i.ordinal) as "inputs!",
                 (select e.payload -> 'content' from events e where e.agent_id = t.agent_id
                   and e.id = t.reply_event_id) as reply
               from turns t where t.agent_id = $1 and t.id = $2"#,
            agent.0,
            id.0
        );
        let turn = row.fetch_optional(self.0.connection()).await?;
        let mut turn = turn.map(Turn::try_from).transpose()?;
        self.add_steps(turn.as_mut_slice()).await?;
        Ok(turn)
    }

    /// A page of turns, newest first, of one state or of all.
    pub async fn list(&mut self, state: Option<&str>, page: PageRequest) -> Result<Vec<Turn>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            FullRow,
            r#"select t.id, t.session_id, t.state, t.reason, t.waiting_for, t.attempt, t.runtime, t.usage,
                 t.reply_event_id, t.created_at, t.finished_at,
                 array(select i.event_id from turn_inputs i where i.agent_id = t.agent_id and i.turn_id = t.id
                   order by i.ordinal) as "inputs!",
                 (select e.payload -> 'content' from events e where e.agent_id = t.agent_id
                   and e.id = t.reply_event_id) as reply
               from turns t
               where t.agent_id = $1 and ($2::text is null or t.state = $2) and ($3::uuid is null or t.id < $3)
               order by t.id desc limit $4"#,
            agent.0,
            state,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        let mut turns = rows.map(Turn::try_from).collect::<Result<Vec<Turn>>>()?;
        self.add_steps(&mut turns).await?;
        Ok(turns)
    }

    async fn add_steps(&mut self, turns: &mut [Turn]) -> Result<()> {
        let ids: Vec<Uuid> = turns.iter().map(|turn| turn.id.0).collect();
        for (id, step) in self.0.turn_stream().steps(&ids).await? {
            if let Some(turn) = turns.iter_mut().find(|turn| turn.id == id) {
                turn.steps.push(step);
            }
        }
        Ok(())
    }
}
