//! Delegations: what an agent lets a named other agent, or a named service, do for it, for a while.
//!
//! A delegation to a service is a credential by itself. One to an agent is worth nothing alone: whoever shows it proves, with a
//! credential of their own, that they are somebody of that agent who may act for others (`agents:delegate`): neither of those two
//! is of any use to a thief.
//!
//! A delegation may do what is in its scopes, and in those of all that it came from, and what the role of the user grants who made
//! the first of them, as it is when it is used. It ends with any of them, and with the membership of whoever made any of them. A
//! use counts against all of them; so does a turn. Nobody's private things are seen by it, and what it says is believed least.

pub mod act;
pub mod budget;
pub mod chain;
pub mod create_delegation;
pub mod revoke_delegation;
pub mod standing;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    identity::Scope,
    ids::{AgentId, DelegationId, SpaceId, TokenId, UserId},
};

/// The prefix of delegations' secrets: `g` as in given.
pub const PREFIX: &str = "hubg";
/// How many stand between the agent and the last one it was passed on to, at most: each is somebody whom the household knows less.
pub const MOST_DEPTH: i32 = 4;
/// How long a delegation lives when nobody says.
pub const DEFAULT_LIFE: Duration = Duration::days(30);
/// And at most: whoever needs it longer is asked again.
pub const LONGEST_LIFE: Duration = Duration::days(90);
/// Live delegations of one agent at most: each is somebody who acts for it.
pub const MOST_LIVE: i64 = 200;
/// And of these that came from one which was passed on: no delegate takes the places of others.
pub const MOST_BELOW: i64 = 20;
/// Uses, and turns, that a limit may name.
pub const MOST_USES: i64 = 1_000_000_000;

/// What can be delegated at all. Whatever lets somebody in, decides, consents, forgets, commands a device or changes the household
/// is for people; a delegate says what it wants, and the agent proposes it to them.
pub const DELEGABLE: [Scope; 13] = [
    Scope::AgentsRead,
    Scope::SpacesRead,
    Scope::SessionsRead,
    Scope::DevicesRead,
    Scope::EventsRead,
    Scope::MessagesWrite,
    Scope::TurnsRead,
    Scope::MemoriesRead,
    Scope::ActionsRead,
    Scope::CommandsRead,
    Scope::ArtifactsRead,
    Scope::DelegationsRead,
    Scope::DelegationsWrite,
];

/// What can be limited to some spaces. The rest is about what is in no space, or not known to be in one.
pub const IN_SPACES: [Scope; 9] = [
    Scope::AgentsRead,
    Scope::SpacesRead,
    Scope::SessionsRead,
    Scope::DevicesRead,
    Scope::EventsRead,
    Scope::MemoriesRead,
    Scope::ArtifactsRead,
    Scope::DelegationsRead,
    Scope::DelegationsWrite,
];

/// Whether a scope can be delegated.
#[must_use]
pub fn may_have(scope: Scope) -> bool {
    DELEGABLE.contains(&scope)
}

/// A delegation, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delegation {
    /// Its id.
    pub id: DelegationId,
    /// The one that it was made by; null where a user of the agent made it.
    pub parent_id: Option<DelegationId>,
    /// 1 where a user of the agent made it, 2 where one of those was passed on, and so on up to 4.
    pub depth: i32,
    /// The agent that it is given to; null where it is given to a service.
    pub to_agent_id: Option<AgentId>,
    /// The service that it is given to.
    #[schema(example = "calendar-sync")]
    pub to_service: Option<String>,
    /// What it may do, as far as those above it may.
    #[schema(example = json!(["memories:read", "messages:write"]))]
    pub scopes: Vec<String>,
    /// The spaces that it is limited to: of all others it sees nothing. Null: all of the agent's.
    pub space_ids: Option<Vec<SpaceId>>,
    /// Requests that may be made with it and with those below it; null: as many as those above it allow.
    pub max_uses: Option<i64>,
    /// Requests that were.
    pub uses: i64,
    /// How often it and those below it may make the agent think; null: as often as those above it allow.
    pub max_turns: Option<i64>,
    /// How often they did.
    pub turns: i64,
    /// The user who made it; null where a service did.
    pub issued_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime,
    /// When it ends.
    pub expires_at: DateTime,
    /// When it was revoked; null while it lives.
    pub revoked_at: Option<DateTime>,
}

/// A delegation whose secret was shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Whose agent it is for.
    pub agent: AgentId,
    /// The delegation.
    pub delegation: DelegationId,
    /// Its secret's row.
    pub token: TokenId,
    /// Whether the secret is neither revoked nor over.
    pub is_alive: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Role;

    #[test]
    fn what_lets_in_decides_consents_forgets_commands_or_changes_the_household_is_never_delegated() {
        let refused: Vec<&str> = Scope::ALL
            .iter()
            .filter(|scope| !may_have(**scope))
            .map(|scope| scope.as_str())
            .collect();
        for never in [
            "actions:decide",
            "agents:delegate",
            "agents:write",
            "audit:read",
            "commands:receive",
            "commands:write",
            "consents:read",
            "consents:write",
            "devices:write",
            "erasures:read",
            "erasures:write",
            "events:write",
            "members:read",
            "members:write",
            "spaces:write",
            "state:write",
            "tokens:read",
            "tokens:write",
        ] {
            assert!(refused.contains(&never), "{never}");
        }
    }

    #[test]
    fn what_can_be_limited_to_spaces_can_be_delegated_and_only_reads_what_is_in_one() {
        assert!(IN_SPACES.into_iter().all(may_have));
        let written = IN_SPACES
            .iter()
            .filter(|scope| scope.as_str().ends_with(":write"));
        assert_eq!(written.collect::<Vec<_>>(), [&Scope::DelegationsWrite]);
    }

    #[test]
    fn whoever_makes_delegations_may_do_all_that_can_be_delegated() {
        let least = Role::least_for(Scope::DelegationsWrite).expect("a person may");
        assert!(DELEGABLE.into_iter().all(|scope| least.grants(scope)));
    }
}
