//! The one unit of work. Everything an operation does is on one `Tx`: rule, change, event, job, audit entry; its last
//! statements before COMMIT number the events and the entry from the agent's head row.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::{Bell, Ring, append};
use crate::{
    audit::{
        entry::{Commitment, commitment},
        record::Record,
    },
    clock::DateTime,
    error::{Error, Result},
    events::NewEvent,
    identity::{Actor, Caller},
    ids::{AgentId, EventId, JobId, PersonId, SpaceId},
    places::View,
};

/// For whom a transaction works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxScope {
    /// One agent, seeing the household's things and one person's.
    Agent {
        /// The agent.
        agent: AgentId,
        /// The person, if one is known.
        person: Option<PersonId>,
        /// Of which spaces.
        view: View,
    },
    /// One agent, seeing everyone's things: sweeps and devices' mailboxes, never an answer to a caller.
    WholeAgent(AgentId),
    /// Across agents, as the hub itself.
    System,
}

impl TxScope {
    /// Whether this works with the role that sees all.
    #[must_use]
    pub const fn is_system(self) -> bool {
        matches!(self, Self::WholeAgent(_) | Self::System)
    }

    /// The agent whose log this appends to; the hub's own chain where there is none.
    #[must_use]
    pub const fn agent(self) -> AgentId {
        match self {
            Self::Agent { agent, .. } | Self::WholeAgent(agent) => agent,
            Self::System => AgentId::HUB,
        }
    }
}

impl Caller {
    /// What the caller's transactions may see.
    #[must_use]
    pub const fn tx_scope(&self) -> TxScope {
        TxScope::Agent {
            agent: self.agent,
            person: self.person(),
            view: self.view(),
        }
    }

    /// The same for what the caller says: it is put where it belongs, or discarded there, also where they see nothing.
    #[must_use]
    pub const fn talk_scope(&self) -> TxScope {
        TxScope::Agent {
            agent: self.agent,
            person: self.person(),
            view: View::All,
        }
    }
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// That the disk has it.
    Durable,
    /// Nothing, unless something is recorded.
    Lazy,
}

/// The end of an agent's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Changes only when a restore is recovered.
    pub epoch: i32,
    /// The position of the last event.
    pub position: i64,
    /// The number of the last audit entry.
    pub audit_seq: i64,
}

/// What a commit made durable.
#[derive(Debug, Clone, Copy, Default)]
pub struct Committed {
    /// The agent's head after it, if anything was appended.
    pub head: Option<Head>,
}

/// A transaction with everything that ends it. Dropping it rolls back.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    scope: TxScope,
    actor: Actor,
    now: DateTime,
    /// The agent's head row, from when it was taken.
    head: Option<Head>,
    events: Vec<NewEvent>,
    /// Those that a private space does not want told.
    unless_private: Vec<NewEvent>,
    records: Vec<Record>,
    /// What stands after them in the audit log.
    side_records: Vec<Record>,
    /// What stands in the audit logs of agents, by whoever did it there.
    records_at: Vec<(AgentId, Actor, Record)>,
    commitments: Vec<Commitment>,
    rings: BTreeSet<Ring>,
    fresh_jobs: Vec<JobId>,
    bell: Arc<Bell>,
    durability: Durability,
}

impl Tx {
    pub(super) async fn begin(
        pool: &PgPool,
        (scope, durability): (TxScope, Durability),
        actor: Actor,
        now: DateTime,
        bell: Arc<Bell>,
    ) -> Result<Self> {
        let begin = AssertSqlSafe(begin_statement(scope, durability));
        let inner = pool.begin_with(begin).await?;
        Ok(Self {
            inner,
            scope,
            actor,
            now,
            head: None,
            events: Vec::new(),
            unless_private: Vec::new(),
            records: Vec::new(),
            side_records: Vec::new(),
            records_at: Vec::new(),
            commitments: Vec::new(),
            rings: BTreeSet::new(),
            fresh_jobs: Vec::new(),
            bell,
            durability,
        })
    }

    /// The agent of this unit of work.
    #[must_use]
    pub const fn agent(&self) -> AgentId {
        self.scope.agent()
    }

    /// The person whose things it may see besides the household's, if it works for one.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match self.scope {
            TxScope::Agent { person, .. } => person,
            TxScope::WholeAgent(_) | TxScope::System => None,
        }
    }

    /// The one instant of this unit of work, from the hub's clock.
    #[must_use]
    pub const fn now(&self) -> DateTime {
        self.now
    }

    /// Who does this.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Appends an event at commit.
    pub fn append(&mut self, event: NewEvent) -> EventId {
        let id = event.id;
        self.events.push(event);
        id
    }

    /// Appends an event at commit, unless its space is private then. For whoever cannot take the head row before and ask: it is
    /// the last row that anyone takes.
    pub fn append_unless_private(&mut self, event: NewEvent) {
        self.unless_private.push(event);
    }

    /// Records the operation in the audit log at commit. The first record of a unit of work covers its events.
    pub fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Records what came with the operation, such as a device that is back as it says something. It stands after the
    /// operation's own record, whenever that is made, and covers the events only where there is none.
    pub fn record_beside(&mut self, record: Record) {
        self.side_records.push(record);
    }

    /// Records what several agents are concerned with, in the audit log of one of them. For a unit of work across agents that
    /// records nothing else; their heads are taken in one order.
    pub fn record_at(&mut self, agent: AgentId, by: Actor, record: Record) {
        self.records_at.push((agent, by, record));
    }

    /// Has the operation's record commit to a piece of content that lives in a row with its salt.
    pub fn commit_to(&mut self, kind: &str, id: Uuid, salt: &[u8; 32], content: &Value) {
        let sha256 = commitment(salt, content);
        self.commitments.push(Commitment {
            kind: kind.to_owned(),
            id,
            sha256,
        });
    }

    /// Wakes whoever waits for this, after the commit.
    pub fn ring(&mut self, ring: Ring) {
        self.rings.insert(ring);
    }

    /// Wakes a worker for this job, after the commit; the queue is told its id.
    pub(super) fn ring_for(&mut self, job: JobId) {
        self.rings.insert(Ring::Jobs);
        self.fresh_jobs.push(job);
    }

    /// Takes the agent's head row now: from here to the commit nothing else is appended for this agent, and what is read
    /// after it is in order with the append.
    pub async fn take_head(&mut self) -> Result<Head> {
        let agent = self.agent();
        let head = append::take_head(self.connection(), agent).await?;
        self.head = Some(head);
        Ok(head)
    }

    /// Makes it all durable. Only after this returns may anyone be told.
    pub async fn commit(mut self) -> Result<Committed> {
        self.records.append(&mut self.side_records);
        self.ask_for_guarded().await?;
        if !self.events.is_empty() && self.records.is_empty() {
            return Err(Error::internal("events without an audit entry"));
        }
        if self.durability == Durability::Lazy && !self.records.is_empty() {
            sqlx::query!("set local synchronous_commit = default")
                .execute(self.connection())
                .await?;
        }
        let mut committed = Committed::default();
        if !self.events.is_empty() {
            self.rings.insert(Ring::Log(self.agent()));
        }
        if !self.records.is_empty() {
            let batch = append::Batch {
                agent: self.agent(),
                taken: self.head,
                actor: self.actor.clone(),
                now: self.now,
                events: std::mem::take(&mut self.events),
                records: std::mem::take(&mut self.records),
                commitments: std::mem::take(&mut self.commitments),
            };
            committed.head = Some(append::write(&mut self.inner, batch).await?);
            self.rings.insert(Ring::Audit);
        }
        self.write_at().await?;
        self.inner.commit().await?;
        self.bell.ring(self.rings);
        self.bell.fresh_jobs().add(self.fresh_jobs);
        Ok(committed)
    }

    /// Writes what several agents are concerned with, with their heads in the order of their ids: two that do so never wait in a
    /// circle.
    async fn write_at(&mut self) -> Result<()> {
        let mut all = std::mem::take(&mut self.records_at);
        if all.is_empty() {
            return Ok(());
        }
        if self.scope != TxScope::System || self.rings.contains(&Ring::Audit) {
            return Err(Error::internal("records of several agents beside those of one"));
        }
        all.sort_by_key(|(agent, _, _)| *agent);
        for (agent, actor, record) in all {
            let batch = append::Batch {
                agent,
                taken: None,
                actor,
                now: self.now,
                events: Vec::new(),
                records: vec![record],
                commitments: Vec::new(),
            };
            append::write(&mut self.inner, batch).await?;
        }
        self.rings.insert(Ring::Audit);
        Ok(())
    }

    /// Asks for the events of which a private space wants none, with the head row in hand. They come before the others, whose places
    /// are counted from the end of the log.
    async fn ask_for_guarded(&mut self) -> Result<()> {
        let mut open = Vec::new();
        for event in std::mem::take(&mut self.unless_private) {
            if self.head.is_none() {
                self.take_head().await?;
            }
            let switches = self
                .places()
                .switches(event.place.space, event.place.session)
                .await?;
            if switches.closed().is_none() {
                open.push(event);
            }
        }
        self.events.splice(0..0, open);
        Ok(())
    }

    /// Commits; when nothing is recorded, without waiting for the disk. For what would be made again if the database lost it
    /// in a crash.
    pub async fn commit_lazily(mut self) -> Result<()> {
        let is_silent = self.events.is_empty() && self.unless_private.is_empty();
        let has_records =
            !(self.records.is_empty() && self.side_records.is_empty() && self.records_at.is_empty());
        if !is_silent || has_records {
            return self.commit().await.map(|_| ());
        }
        sqlx::query!("set local synchronous_commit = off")
            .execute(self.connection())
            .await?;
        self.inner.commit().await?;
        self.bell.ring(self.rings);
        self.bell.fresh_jobs().add(self.fresh_jobs);
        Ok(())
    }

    /// The connection, for the storage of the domains.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

/// BEGIN and the settings in one round trip. The values are ids of ours, so nothing needs escaping.
fn begin_statement(scope: TxScope, durability: Durability) -> String {
    let (agent, person, view) = match scope {
        TxScope::Agent { agent, person, view } => (
            agent.to_string(),
            person.map_or_else(String::new, |p| p.to_string()),
            view,
        ),
        TxScope::WholeAgent(agent) => (agent.to_string(), String::new(), View::All),
        TxScope::System => (String::new(), String::new(), View::All),
    };
    let (household, spaces) = settings(view);
    let lazily = match durability {
        Durability::Durable => "",
        Durability::Lazy => ", set_config('synchronous_commit', 'off', true)",
    };
    format!(
        "begin; select set_config('hub.agent_id', '{agent}', true), set_config('hub.person_id', '{person}', true), \
         set_config('hub.household', '{household}', true), set_config('hub.space_ids', '{spaces}', true){lazily}"
    )
}

/// As `hub.sees_household()` and `hub.spaces()` read them; nothing at all would be refused.
fn settings(view: View) -> (&'static str, String) {
    let spaces = match view {
        View::All | View::Own => "*".to_owned(),
        View::Open => "open".to_owned(),
        View::OpenOf(spaces) => {
            let ids: Vec<String> = spaces.ids().iter().map(SpaceId::to_string).collect();
            format!("{{{}}}", ids.join(","))
        }
    };
    (if view == View::Own { "no" } else { "yes" }, spaces)
}
