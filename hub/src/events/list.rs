//! Reading the log.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    error::{Error, Result},
    identity::Trust,
    ids::{DeviceId, EventId, PersonId, SessionId, SpaceId},
    storage::{EventFilter, Tx},
};

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its place in the agent's log, `epoch:position`; pass it as `after` to read on.
    #[schema(example = "1:42")]
    pub cursor: String,
    /// Its type.
    #[schema(example = "transcript")]
    pub event_type: String,
    /// Its content; none once erased.
    pub payload: Option<Value>,
    /// When its content was erased.
    pub erased_at: Option<DateTime>,
    /// When the source says it happened: a claim.
    pub occurred_at: Option<DateTime>,
    /// When the hub recorded it.
    pub recorded_at: DateTime,
    /// Where it happened.
    pub space_id: SpaceId,
    /// The session it belongs to.
    pub session_id: Option<SessionId>,
    /// The device it concerns.
    pub device_id: Option<DeviceId>,
    /// The person it concerns.
    pub person_id: Option<PersonId>,
    /// Who may see it; none: the household.
    pub audience_person_id: Option<PersonId>,
    /// How far it may be believed.
    pub trust: Trust,
}

/// A part of the log.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// In order.
    pub items: Vec<Event>,
    /// Pass as `after` to read on. Present even at the end: what comes later comes after it.
    #[schema(example = "1:42")]
    pub next_cursor: String,
    /// Whether there is more now.
    pub has_more: bool,
}

/// Reads the log after a cursor.
pub async fn list(tx: &mut Tx, after: Option<&str>, mut filter: EventFilter) -> Result<EventPage> {
    let (epoch, position) = tx.events().head().await?;
    filter.after = after
        .map(|cursor| parse_cursor(cursor, epoch))
        .transpose()?
        .unwrap_or(0);
    if filter.after > position {
        return Err(Error::invalid("?after", "is beyond the end of the log"));
    }
    let most = usize::try_from(filter.most).unwrap_or(usize::MAX);
    filter.most += 1;
    let mut items = tx.events().list(&filter).await?;
    let has_more = items.len() > most;
    items.truncate(most);
    // Beyond the last item nothing that this caller may see was committed up to the head read first.
    let end = || format!("{epoch}:{position}");
    let next_cursor = match items.last() {
        Some(last) if has_more => last.cursor.clone(),
        Some(last) => later(&last.cursor, &end()),
        None => end(),
    };
    Ok(EventPage {
        items,
        next_cursor,
        has_more,
    })
}

/// Reads `epoch:position`.
pub fn parse_cursor(cursor: &str, epoch: i32) -> Result<i64> {
    let parsed = cursor
        .split_once(':')
        .and_then(|(e, p)| Some((e.parse::<i32>().ok()?, p.parse::<i64>().ok()?)));
    match parsed {
        Some((of, position)) if of == epoch && position >= 0 => Ok(position),
        Some(_) => Err(Error::invalid(
            "?after",
            "is of another epoch: the hub was recovered, read anew from the start",
        )),
        None => Err(Error::invalid("?after", "must look like 1:42")),
    }
}

fn later(a: &str, b: &str) -> String {
    let position = |cursor: &str| {
        cursor
            .split_once(':')
            .and_then(|(_, p)| p.parse::<i64>().ok())
            .unwrap_or(0)
    };
    if position(a) >= position(b) {
        a.to_owned()
    } else {
        b.to_owned()
    }
}
