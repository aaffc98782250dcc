//! Devices: the identities of satellites.

pub mod age;
pub mod approve_capabilities;
pub mod connect;
pub mod get_shadow;
pub mod presence;
pub mod register;
pub mod renew;
pub mod report;
pub mod revoke;
pub mod rotate;
pub mod shadow;
pub mod update_shadow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    events::Place,
    identity::{Scope, Trust},
    ids::{AgentId, DeviceId, NodeId, PersonId, SpaceId, TokenId},
};

/// What a satellite is given when it is made: it may send, receive commands, and report its state.
pub const SATELLITE_SCOPES: [Scope; 3] = [Scope::EventsWrite, Scope::CommandsReceive, Scope::StateWrite];
/// What a device can be given by a person: what a satellite does, and to see what happens in its agent. Nothing that decides.
pub const DEVICE_SCOPES: [Scope; 4] = [
    Scope::EventsWrite,
    Scope::CommandsReceive,
    Scope::StateWrite,
    Scope::EventsRead,
];
/// Kinds a device may declare at most.
pub const MAX_CAPABILITIES: usize = 64;
/// Characters of a kind at most.
pub const MAX_KIND: usize = 100;
/// The kind of a reply: built in, needs no declaration and no approval.
pub const REPLY: &str = "reply";

/// A satellite's identity.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Where it is.
    pub space_id: SpaceId,
    /// Whose personal device it is; none: the household's.
    pub person_id: Option<PersonId>,
    /// What people call it.
    #[schema(example = "kitchen")]
    pub name: String,
    /// The command kinds it says it can carry out, and that a person approved. They describe; they grant nothing.
    pub capabilities: Vec<Capability>,
    /// What it says it can do beyond what a person approved: it is used for these only when somebody approves them.
    pub waiting_capabilities: Vec<Capability>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The trust of what it sends when nobody is identified.
    pub default_trust: Trust,
    /// What runs on it, as it says.
    pub software: Option<Value>,
    /// Whether a socket of it is open and alive.
    pub is_connected: bool,
    /// When the socket was opened that is open now.
    pub connected_at: Option<DateTime>,
    /// When it was last heard of.
    pub last_seen_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was revoked; it never comes back.
    pub revoked_at: Option<DateTime>,
}

/// A kind of command that a device can carry out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Capability {
    /// The kind.
    #[schema(example = "display.show")]
    pub kind: String,
    /// The JSON Schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments_schema: Option<Value>,
}

/// Parts what a device declares into what a person approved and what waits for that. None approved: nothing was declared
/// before.
#[must_use]
pub fn part(declared: Vec<Capability>, approved: Option<&[String]>) -> (Vec<Capability>, Vec<Capability>) {
    declared
        .into_iter()
        .partition(|capability| approved.is_none_or(|approved| approved.contains(&capability.kind)))
}

/// Whether a text can be the name of a kind.
#[must_use]
pub fn is_kind(text: &str) -> bool {
    (1..=MAX_KIND).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A socket, as the database knows it.
#[derive(Debug, Clone, Copy)]
pub struct Socket {
    /// Whose.
    pub device: DeviceId,
    /// The process that has it.
    pub node: NodeId,
    /// The newest wins.
    pub generation: i64,
}

/// An open socket of this process: what must be alive for it to stay open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sitting {
    /// The agent.
    pub agent: AgentId,
    /// Whose it is.
    pub device: DeviceId,
    /// The credential it was opened with.
    pub token: TokenId,
}

/// Where a socket stands among those of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may write.
    Newest,
    /// It may write, and its connection, which had aged out, was made anew.
    BackAgain,
    /// A newer one took its place.
    Replaced,
    /// The device was revoked.
    Revoked,
}

impl Device {
    /// Where what concerns it belongs: what is said of a personal device is for its person.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            device: Some(self.id),
            audience: self.person_id,
            ..Place::in_space(self.space_id)
        }
    }

    /// Whether it may be told to do something on behalf of this person, or of the household: what is somebody's own, only that
    /// person speaks through.
    #[must_use]
    pub fn is_open_to(&self, person: Option<PersonId>) -> bool {
        self.person_id.is_none_or(|owner| Some(owner) == person)
    }

    /// Whether it may be told anything.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.scopes
            .iter()
            .any(|scope| scope == Scope::CommandsReceive.as_str())
    }

    /// As this person, or the household, sees it: whether somebody's own device is there is told to nobody else.
    #[must_use]
    pub fn as_seen_by(self, person: Option<PersonId>) -> Self {
        if self.is_open_to(person) {
            return self;
        }
        Self {
            is_connected: false,
            connected_at: None,
            last_seen_at: None,
            ..self
        }
    }

    /// Why it cannot be told to do something on behalf of a person or of the household; none: it can.
    #[must_use]
    pub fn unfit_for(&self, kind: &str, person: Option<PersonId>) -> Option<String> {
        let name = &self.name;
        let receives = Scope::CommandsReceive.as_str();
        if self.revoked_at.is_some() {
            Some(format!("the device {name} was revoked"))
        } else if !self.is_open_to(person) {
            Some(format!("the device {name} is somebody's own"))
        } else if !self.scopes.iter().any(|scope| scope == receives) {
            Some(format!("the device {name} may not receive commands"))
        } else if self.waits_for(kind) {
            Some(format!(
                "the device {name} says that it can do {kind}, and nobody has approved that yet"
            ))
        } else if kind == REPLY || !self.can(kind) {
            Some(format!(
                "the device {name} has not declared that it can do {kind}"
            ))
        } else {
            None
        }
    }

    /// Whether it says it can carry out a kind, and may be used for it.
    #[must_use]
    pub fn can(&self, kind: &str) -> bool {
        self.capabilities.iter().any(|capability| capability.kind == kind)
    }

    fn waits_for(&self, kind: &str) -> bool {
        self.waiting_capabilities
            .iter()
            .any(|capability| capability.kind == kind)
    }
}
