//! The last statements of a unit of work: head row, events, audit entries.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Head;
use crate::{
    audit::{
        entry::{Commitment, commitment},
        record::{Numbered, Record},
    },
    clock::DateTime,
    error::{Error, Result},
    events::NewEvent,
    identity::Actor,
    ids::{AgentId, fresh},
};

/// Everything one commit appends.
pub(super) struct Batch {
    pub(super) agent: AgentId,
    /// The head, if this transaction has taken its row already.
    pub(super) taken: Option<Head>,
    pub(super) actor: Actor,
    pub(super) now: DateTime,
    pub(super) events: Vec<NewEvent>,
    pub(super) records: Vec<Record>,
    /// To content that the first record covers besides its own.
    pub(super) commitments: Vec<Commitment>,
}

/// Locks the agent's head row and reads it.
pub(super) async fn take_head(connection: &mut PgConnection, agent: AgentId) -> Result<Head> {
    let head = sqlx::query_as!(
        Head,
        "select epoch, position, audit_seq from agent_heads where agent_id = $1 for update",
        agent.0
    );
    head.fetch_optional(connection)
        .await?
        .ok_or(Error::NotFound { what: "agent" })
}

/// Numbers and inserts the batch. Returns the new head.
pub(super) async fn write(connection: &mut PgConnection, batch: Batch) -> Result<Head> {
    let Batch {
        agent,
        taken,
        actor,
        now,
        events,
        mut records,
        commitments,
    } = batch;
    if let Some(covering) = records.first_mut() {
        let own = std::mem::take(&mut covering.commitments);
        covering.commitments = commitments_of(&events)
            .into_iter()
            .chain(own)
            .chain(commitments)
            .collect();
    }
    let mut records: Vec<Record> = records.into_iter().flat_map(Record::continued).collect();
    let (events_more, records_more) = (count(events.len()), count(records.len()));
    let head = match taken {
        // The row is ours: what it will hold is known, and it is written at once with the first entry.
        Some(head) => Head {
            position: head.position + events_more,
            audit_seq: head.audit_seq + records_more,
            ..head
        },
        None => take_advanced(connection, agent, events_more, records_more).await?,
    };
    let first = head.position - events_more + 1;
    if let Some(covering) = records.first_mut().filter(|_| !events.is_empty()) {
        covering.positions = Some((first, head.position));
    }
    if !events.is_empty() {
        let start = Start {
            agent,
            now,
            epoch: head.epoch,
            first,
        };
        insert_events(connection, start, events).await?;
    }
    let first_seq = head.audit_seq - records_more + 1;
    let mut entries = Entries::default();
    for (agent_seq, record) in (first_seq..).zip(records) {
        let numbered = Numbered {
            agent,
            agent_seq,
            epoch: head.epoch,
        };
        entries.push(&actor, now, numbered, record)?;
    }
    insert_entries(connection, agent, now, entries, taken.map(|_| head)).await?;
    Ok(head)
}

/// Takes the head row and moves it on, in one statement.
async fn take_advanced(
    connection: &mut PgConnection,
    agent: AgentId,
    events: i64,
    records: i64,
) -> Result<Head> {
    let head = sqlx::query_as!(
        Head,
        "update agent_heads set position = position + $2, audit_seq = audit_seq + $3 where agent_id = $1
         returning epoch, position, audit_seq",
        agent.0,
        events,
        records
    );
    head.fetch_optional(connection)
        .await?
        .ok_or_else(|| Error::internal("the agent has no head row"))
}

fn commitments_of(events: &[NewEvent]) -> Vec<Commitment> {
    let commit = |event: &NewEvent| Commitment {
        kind: "event".to_owned(),
        id: event.id.0,
        sha256: commitment(&event.salt, &event.payload),
    };
    events.iter().map(commit).collect()
}

/// One column an array: the whole batch is one statement.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    kind: Vec<String>,
    payload: Vec<Value>,
    salt: Vec<Vec<u8>>,
    retain_until: Vec<Option<DateTime>>,
    occurred_at: Vec<Option<DateTime>>,
    space: Vec<Uuid>,
    session: Vec<Option<Uuid>>,
    device: Vec<Option<Uuid>>,
    person: Vec<Option<Uuid>>,
    audience: Vec<Option<Uuid>>,
    source_kind: Vec<String>,
    source: Vec<Option<Uuid>>,
    client_id: Vec<Option<String>>,
    client_digest: Vec<Option<Vec<u8>>>,
    trust: Vec<String>,
}

impl Columns {
    fn push(&mut self, now: DateTime, event: NewEvent) {
        self.id.push(event.id.0);
        self.retain_until
            .push(event.kind.retention().map(|keep| now + keep));
        self.kind.push(event.kind.name().to_owned());
        self.payload.push(event.payload);
        self.salt.push(event.salt.to_vec());
        self.occurred_at.push(event.occurred_at);
        self.space.push(event.place.space.0);
        self.session.push(event.place.session.map(|id| id.0));
        self.device.push(event.place.device.map(|id| id.0));
        self.person.push(event.place.person.map(|id| id.0));
        self.audience.push(event.place.audience.map(|id| id.0));
        self.source_kind.push(event.source.kind.as_str().to_owned());
        self.source.push(event.source.id);
        self.client_digest
            .push(event.source.client.as_ref().map(|client| client.digest.to_vec()));
        self.client_id.push(event.source.client.map(|client| client.id));
        self.trust.push(event.trust.as_str().to_owned());
    }
}

/// Where a batch of events begins.
struct Start {
    agent: AgentId,
    now: DateTime,
    epoch: i32,
    first: i64,
}

async fn insert_events(connection: &mut PgConnection, start: Start, events: Vec<NewEvent>) -> Result<()> {
    let Start {
        agent,
        now,
        epoch,
        first,
    } = start;
    let expected = events.len() as u64;
    let mut c = Columns::default();
    for event in events {
        c.push(now, event);
    }
    let inserted = sqlx::query!(
        "insert into events (agent_id, epoch, recorded_at, position, id, type, payload, payload_salt, retain_until,
           occurred_at, space_id, session_id, device_id, person_id, audience_person_id, source_kind, source_id,
           client_id, client_digest, trust)
         select $1, $2, $3, $4 + row.ordinal - 1, row.id, row.type, row.payload, row.salt, row.retain_until,
           row.occurred_at, row.space, row.session, row.device, row.person, row.audience, row.source_kind, row.source,
           row.client_id, row.client_digest, row.trust
         from unnest($5::uuid[], $6::text[], $7::jsonb[], $8::bytea[], $9::timestamptz[], $10::timestamptz[],
           $11::uuid[], $12::uuid[], $13::uuid[], $14::uuid[], $15::uuid[], $16::text[], $17::uuid[], $18::text[],
           $19::bytea[], $20::text[])
         with ordinality as row(id, type, payload, salt, retain_until, occurred_at, space, session, device, person,
           audience, source_kind, source, client_id, client_digest, trust, ordinal)",
        agent.0,
        epoch,
        now,
        first,
        &c.id,
        &c.kind,
        &c.payload,
        &c.salt,
        &c.retain_until as &[Option<DateTime>],
        &c.occurred_at as &[Option<DateTime>],
        &c.space,
        &c.session as &[Option<Uuid>],
        &c.device as &[Option<Uuid>],
        &c.person as &[Option<Uuid>],
        &c.audience as &[Option<Uuid>],
        &c.source_kind,
        &c.source as &[Option<Uuid>],
        &c.client_id as &[Option<String>],
        &c.client_digest as &[Option<Vec<u8>>],
        &c.trust
    )
    .execute(connection)
    .await?;
    if inserted.rows_affected() == expected {
        Ok(())
    } else {
        Err(Error::internal("not every event was inserted"))
    }
}

/// The audit entries of a commit, one column an array.
#[derive(Default)]
struct Entries {
    id: Vec<Uuid>,
    agent_seq: Vec<i64>,
    operation: Vec<String>,
    body: Vec<String>,
}

impl Entries {
    fn push(&mut self, actor: &Actor, now: DateTime, numbered: Numbered, record: Record) -> Result<()> {
        let id = fresh();
        self.operation.push(record.operation.to_owned());
        self.body.push(record.into_entry(actor, id, numbered, now)?);
        self.id.push(id);
        self.agent_seq.push(numbered.agent_seq);
        Ok(())
    }
}

/// Inserts the entries, and in the same round trip moves a head row that was taken before.
async fn insert_entries(
    connection: &mut PgConnection,
    agent: AgentId,
    now: DateTime,
    entries: Entries,
    moved: Option<Head>,
) -> Result<()> {
    let inserted = sqlx::query!(
        "with moved as (update agent_heads set position = $3, audit_seq = $4 where agent_id = $1 and $3::bigint is not null)
         insert into audit_entries (agent_id, id, agent_seq, recorded_at, operation, body)
         select $1, row.id, row.agent_seq, $2, row.operation, row.body
         from unnest($5::uuid[], $6::bigint[], $7::text[], $8::text[]) as row(id, agent_seq, operation, body)",
        agent.0,
        now,
        moved.map(|head| head.position),
        moved.map(|head| head.audit_seq),
        &entries.id,
        &entries.agent_seq,
        &entries.operation,
        &entries.body
    )
    .execute(connection)
    .await?;
    if inserted.rows_affected() == entries.id.len() as u64 {
        Ok(())
    } else {
        Err(Error::internal("not every audit entry was inserted"))
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).expect("a batch is small")
}
