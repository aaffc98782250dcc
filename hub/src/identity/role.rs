//! Roles of users in an agent, and the scopes each grants: the one table.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Scope;

/// A user's role in an agent, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do nothing, on every path.
    Blocked,
    /// May talk with the agent.
    Guest,
    /// Lives with the agent.
    Member,
    /// Runs the household's things.
    Admin,
    /// The one who claimed the agent.
    Owner,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Blocked, Self::Guest, Self::Member, Self::Admin, Self::Owner];

    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The least role that is granted a scope.
    #[must_use]
    pub const fn least_for(scope: Scope) -> Option<Self> {
        match scope {
            Scope::AgentsRead
            | Scope::SpacesRead
            | Scope::MessagesWrite
            | Scope::TurnsRead
            | Scope::ConsentsRead
            | Scope::ConsentsWrite
            | Scope::ErasuresRead
            | Scope::ErasuresWrite
            | Scope::RecognitionRead
            | Scope::RecognitionDecide
            | Scope::TokensRead
            | Scope::TokensWrite => Some(Self::Guest),
            Scope::EventsRead
            | Scope::SessionsRead
            | Scope::SessionsWrite
            | Scope::MemoriesRead
            | Scope::MemoriesShare
            | Scope::ActionsRead
            | Scope::ActionsDecide
            | Scope::CommandsRead
            | Scope::CommandsWrite
            | Scope::ArtifactsRead
            | Scope::ArtifactsWrite
            | Scope::ArtifactsShare
            | Scope::MembersRead
            | Scope::PeopleRead
            | Scope::PresenceRead
            | Scope::AgentsDelegate
            | Scope::DevicesRead => Some(Self::Member),
            Scope::SpacesWrite
            | Scope::DevicesWrite
            | Scope::MembersWrite
            | Scope::PeopleWrite
            | Scope::RecognitionEnrol
            | Scope::RecognitionObserve
            | Scope::DelegationsRead
            | Scope::DelegationsWrite
            | Scope::JobsRead
            | Scope::JobsWrite
            | Scope::AuditRead => Some(Self::Admin),
            Scope::AgentsWrite => Some(Self::Owner),
            // A satellite's own: no person has them.
            Scope::EventsWrite | Scope::CommandsReceive | Scope::StateWrite => None,
        }
    }

    /// Whether the role grants a scope.
    #[must_use]
    pub fn grants(self, scope: Scope) -> bool {
        Self::least_for(scope).is_some_and(|least| self >= least)
    }
}
