//! What happened: the agent's one log.

pub mod cursor;
pub mod ingest;
pub mod kind;
pub mod list;
pub mod payload;
pub mod reader;
pub mod recent;
pub mod say;
pub mod stream;
pub mod tail;
pub mod topic;
pub mod watch;
pub mod watchers;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

pub use kind::EventKind;

use crate::{
    clock::DateTime,
    identity::{ActorKind, Trust},
    ids::{DeviceId, EventId, PersonId, SessionId, SpaceId},
    secret::random_bytes,
};

/// Where and to whom something belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The space; every agent has `elsewhere`.
    pub space: SpaceId,
    /// The session, if it belongs to one.
    pub session: Option<SessionId>,
    /// The device it concerns.
    pub device: Option<DeviceId>,
    /// The person it concerns.
    pub person: Option<PersonId>,
    /// Who may see it; none: the household.
    pub audience: Option<PersonId>,
}

impl Place {
    /// In a space, for the household.
    #[must_use]
    pub const fn in_space(space: SpaceId) -> Self {
        Self {
            space,
            session: None,
            device: None,
            person: None,
            audience: None,
        }
    }
}

/// Where an event came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What kind of source.
    pub kind: ActorKind,
    /// Which.
    pub id: Option<Uuid>,
    /// The id that the source gave it, with the digest of what it sent.
    pub client: Option<ClientKey>,
}

impl Source {
    /// The hub itself.
    #[must_use]
    pub const fn hub() -> Self {
        Self {
            kind: ActorKind::Hub,
            id: None,
            client: None,
        }
    }
}

/// A client's own id of an event: the same id with the same digest is the same event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// At most 200 characters.
    pub id: String,
    /// SHA-256 of the canonical content.
    pub digest: [u8; 32],
}

/// An event that waits for the commit, which gives it its position.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Minted by the hub.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// The content; always an object.
    pub payload: Value,
    /// The salt of its commitment in the audit log.
    pub salt: [u8; 32],
    /// When the source says it happened: shown, never used for order, expiry or retention.
    pub occurred_at: Option<DateTime>,
    /// Where it belongs.
    pub place: Place,
    /// Where it came from.
    pub source: Source,
    /// How far it may be believed.
    pub trust: Trust,
}

impl NewEvent {
    /// Something that the hub itself says happened.
    #[must_use]
    pub fn by_hub(kind: EventKind, place: Place, payload: Value) -> Self {
        Self {
            id: EventId::mint(),
            kind,
            payload,
            salt: random_bytes(),
            occurred_at: None,
            place,
            source: Source::hub(),
            trust: Trust::Household,
        }
    }
}

/// How far into the future a source's clock may run before its claim is refused.
pub const MOST_AHEAD: Duration = Duration::minutes(10);
/// How old a claim may be: a satellite may have been without a network for long.
pub const MOST_BEHIND: Duration = Duration::days(400);

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
