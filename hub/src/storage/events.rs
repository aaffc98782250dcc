//! Reading the log. It is written by the commit of a unit of work only.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::Tx;
use crate::{
    clock::DateTime,
    error::Result,
    events::{Event, cursor::Cursor, reader::Part},
    identity::Trust,
    ids::{AgentId, DeviceId, EventId, PersonId, SessionId, TurnId},
};

/// The log of an agent.
pub struct Events<'a>(&'a mut Tx);

impl Tx {
    /// The log of an agent.
    pub fn events(&mut self) -> Events<'_> {
        Events(self)
    }
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// After this position.
    pub after: i64,
    /// Of these types; empty: all.
    pub types: Vec<String>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// At most.
    pub most: i64,
}

/// An event of a client that is already there.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its id.
    pub id: EventId,
    /// The digest of what was sent then; none once that was forgotten.
    pub digest: Option<Vec<u8>>,
}

struct EventRow {
    id: Uuid,
    epoch: i32,
    position: i64,
    r#type: String,
    payload: Option<Value>,
    erased_at: Option<DateTime>,
    occurred_at: Option<DateTime>,
    recorded_at: DateTime,
    space_id: Uuid,
    session_id: Option<Uuid>,
    device_id: Option<Uuid>,
    person_id: Option<Uuid>,
    audience_person_id: Option<Uuid>,
    trust: String,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id.into(),
            cursor: format!("{}:{}", row.epoch, row.position),
            event_type: row.r#type,
            payload: row.payload,
            erased_at: row.erased_at,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            space_id: row.space_id.into(),
            session_id: row.session_id.map(SessionId),
            device_id: row.device_id.map(DeviceId),
            person_id: row.person_id.map(PersonId),
            audience_person_id: row.audience_person_id.map(PersonId),
            trust: Trust::parse(&row.trust),
        }
    }
}

impl Events<'_> {
    /// Events in order of position.
    pub async fn list(&mut self, filter: &EventFilter) -> Result<Vec<Event>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            EventRow,
            "select id, epoch, position, type, payload, erased_at, occurred_at, recorded_at, space_id, session_id,
               device_id, person_id, audience_person_id, trust
             from events
             where agent_id = $1 and position > $2 and (cardinality($3::text[]) = 0 or type = any ($3))
               and ($4::uuid is null or session_id = $4)
             order by position limit $5",
            agent.0,
            filter.after,
            &filter.types,
            filter.session.map(|id| id.0),
            filter.most
        );
        Ok(rows
            .fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Event::from)
            .collect())
    }

    /// The people whose words are in each of these events and proposals. What the agent said, and wants to do, is of all whose words it
    /// was given then, too.
    pub async fn people_of(&mut self, ids: &[Uuid]) -> Result<Vec<(Uuid, PersonId)>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            r#"select id as "id!", person_id as "person!" from events
               where agent_id = $1 and id = any ($2) and person_id is not null
               union
               select said.id, heard.person_id from (
                   select id, case type when 'message.agent' then (payload ->> 'turn_id')::uuid end as turn_id from events
                     where agent_id = $1 and id = any ($2)
                   union all
                   select id, turn_id from actions where agent_id = $1 and id = any ($2)) as said
                 join turns t on t.agent_id = $1 and t.id = said.turn_id
                 join events heard on heard.agent_id = $1 and heard.id = any (t.read_event_ids || array(
                   select i.event_id from turn_inputs i where i.agent_id = $1 and i.turn_id = t.id))
               where heard.person_id is not null"#,
            agent.0,
            ids
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        Ok(rows.map(|row| (row.id, PersonId(row.person))).collect())
    }

    /// The newest events of a session before a position, oldest first.
    pub async fn recent(&mut self, session: SessionId, types: &[String], most: i64) -> Result<Vec<Event>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            EventRow,
            "select id, epoch, position, type, payload, erased_at, occurred_at, recorded_at, space_id, session_id,
               device_id, person_id, audience_person_id, trust
             from events where agent_id = $1 and session_id = $2 and type = any ($3)
             order by position desc limit $4",
            agent.0,
            session.0,
            types,
            most
        );
        let mut events: Vec<Event> = rows
            .fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Event::from)
            .collect();
        events.reverse();
        Ok(events)
    }

    /// The inputs of a turn that may be seen, in order.
    pub async fn inputs_of(&mut self, turn: TurnId) -> Result<Vec<Event>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            EventRow,
            "select e.id, e.epoch, e.position, e.type, e.payload, e.erased_at, e.occurred_at, e.recorded_at, e.space_id,
               e.session_id, e.device_id, e.person_id, e.audience_person_id, e.trust
             from turn_inputs i join events e on e.agent_id = i.agent_id and e.id = i.event_id
             where i.agent_id = $1 and i.turn_id = $2 order by i.ordinal",
            agent.0,
            turn.0
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(Event::from).collect())
    }

    /// One event.
    pub async fn find(&mut self, id: EventId) -> Result<Option<Event>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            EventRow,
            "select id, epoch, position, type, payload, erased_at, occurred_at, recorded_at, space_id, session_id,
               device_id, person_id, audience_person_id, trust
             from events where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        Ok(row.fetch_optional(self.0.connection()).await?.map(Event::from))
    }

    /// The place of the last event.
    pub async fn end(&mut self) -> Result<Cursor> {
        let agent = self.0.agent();
        let end = sqlx::query_as!(
            Cursor,
            "select epoch, position from agent_heads where agent_id = $1",
            agent.0
        );
        Ok(end.fetch_one(self.0.connection()).await?)
    }

    /// The places of the last events of these agents; of one that is gone, none.
    pub async fn ends(&mut self, agents: &[Uuid]) -> Result<HashMap<AgentId, Cursor>> {
        let rows = sqlx::query!(
            "select agent_id, epoch, position from agent_heads where agent_id = any ($1)",
            agents
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        let read = rows.map(|row| {
            let end = Cursor {
                epoch: row.epoch,
                position: row.position,
            };
            (row.agent_id.into(), end)
        });
        Ok(read.collect())
    }

    /// The events of a part of the log, in order: those of these types, and of the types that begin with one of these texts.
    pub async fn part(
        &mut self,
        part: &Part,
        exact: &[String],
        beginnings: &[String],
    ) -> Result<Vec<(i64, Event)>> {
        let agent = self.0.agent();
        let most = i64::try_from(part.most).unwrap_or(i64::MAX);
        let rows = sqlx::query_as!(
            EventRow,
            "select id, epoch, position, type, payload, erased_at, occurred_at, recorded_at, space_id, session_id,
               device_id, person_id, audience_person_id, trust
             from events where agent_id = $1 and position > $2 and position <= $3
               and (type = any ($4) or type ^@ any ($5))
             order by position limit $6",
            agent.0,
            part.after,
            part.upto,
            exact,
            beginnings,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(|row| (row.position, row.into())).collect())
    }

    /// Which of these client ids are known from a source. Asked after the head row was taken, nothing can slip between.
    pub async fn known(
        &mut self,
        kind: &str,
        source: Uuid,
        clients: &[String],
    ) -> Result<HashMap<String, Known>> {
        let agent = self.0.agent();
        let rows = sqlx::query!(
            r#"select client_id as "client_id!", id, client_digest as digest from events
               where agent_id = $1 and source_kind = $2 and source_id = $3 and client_id = any ($4)"#,
            agent.0,
            kind,
            source,
            clients
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                (
                    row.client_id,
                    Known {
                        id: row.id.into(),
                        digest: row.digest,
                    },
                )
            })
            .collect())
    }

    /// The agents of the payloads that are kept the longest beyond their retention; of at most so many payloads.
    pub async fn with_expired(&mut self, most: i64) -> Result<Vec<AgentId>> {
        let now = self.0.now();
        let agents = sqlx::query_scalar!(
            "select distinct agent_id from (select agent_id from events where retain_until < $1 and erased_at is null
               order by retain_until limit $2) as oldest",
            now,
            most
        );
        let agents = agents.fetch_all(self.0.connection()).await?;
        Ok(agents.into_iter().map(AgentId).collect())
    }

    /// Erases payloads of the agent whose retention is over, at most so many. How many.
    pub async fn erase_expired(&mut self, most: i64) -> Result<u64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update events set payload = null, payload_salt = null, client_digest = null, erased_at = $2
             where agent_id = $1 and id in (select id from events
               where agent_id = $1 and retain_until < $2 and erased_at is null order by retain_until limit $3)",
            agent.0,
            now,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
