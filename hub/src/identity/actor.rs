//! Who did it, as the audit log says it.

use std::net::IpAddr;

use serde::Serialize;
use uuid::Uuid;

use crate::ids::TokenId;

/// The kinds of those who do things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A human with a login.
    User,
    /// A satellite.
    Device,
    /// The agent itself, in a turn; or another one, by a delegation.
    Agent,
    /// A service, by a delegation.
    Service,
    /// The hub: sweeps, bootstrap.
    Hub,
    /// Somebody who did not prove who they are.
    Anonymous,
}

impl ActorKind {
    /// The word in tables and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Agent => "agent",
            Self::Service => "service",
            Self::Hub => "hub",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Who did it, and in which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of doer.
    pub kind: ActorKind,
    /// The doer's id, where it has one.
    pub id: Option<Uuid>,
    /// The opaque credential that they used, where they did.
    pub access_token: Option<TokenId>,
    /// The request or message that caused it.
    pub request_id: Option<String>,
}

/// Where somebody comes from who has not proved who they are.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Their address, where there is a connection.
    pub address: Option<IpAddr>,
    /// The request.
    pub request_id: Option<String>,
}

impl Actor {
    /// The hub itself.
    #[must_use]
    pub const fn hub() -> Self {
        Self {
            kind: ActorKind::Hub,
            id: None,
            access_token: None,
            request_id: None,
        }
    }

    /// The agent in a turn.
    #[must_use]
    pub const fn agent(id: Uuid) -> Self {
        Self {
            kind: ActorKind::Agent,
            id: Some(id),
            access_token: None,
            request_id: None,
        }
    }

    /// Nobody known, in a request.
    #[must_use]
    pub const fn anonymous(request_id: Option<String>) -> Self {
        Self {
            kind: ActorKind::Anonymous,
            id: None,
            access_token: None,
            request_id,
        }
    }
}
