//! Personal access tokens: what a person gives to a program, so that it may do some of what they may, for a while.
//!
//! A token is of one user at one agent. It may do what is in its scopes *and* what the user's role grants when it is used: whoever
//! is made less, takes it from their tokens too. It lets nobody in, neither tokens nor devices nor people, so that what was stolen
//! ends with its own end; it decides about no actions, gives no consent and says of nobody who they are, for that is a
//! person's or a policy's; and what it says is believed as a guest is, for nobody knows whose words a program passes on.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Role, Scope};
use crate::{
    clock::DateTime,
    ids::{TokenId, UserId},
};

/// Characters of a name at most.
pub const MAX_NAME: usize = 100;
/// How long a token lives when nobody says.
pub const DEFAULT_LIFE: Duration = Duration::days(90);
/// And at most: whoever needs it longer looks at it once a year.
pub const LONGEST_LIFE: Duration = Duration::days(366);
/// Live tokens of one user at one agent at most: each a program that somebody should still know.
pub const MOST: i64 = 50;

/// A personal access token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonalToken {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is for.
    #[schema(example = "backup script")]
    pub name: String,
    /// What it may do, as far as its user's role may.
    #[schema(example = json!(["memories:read", "messages:write"]))]
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime,
    /// When it ends.
    pub expires_at: DateTime,
    /// When it was revoked; null while it lives.
    pub revoked_at: Option<DateTime>,
}

/// Whether a token may have a scope: what a person can do, without what lets somebody in and what only people decide.
#[must_use]
pub const fn may_have(scope: Scope) -> bool {
    let is_never = matches!(
        scope,
        Scope::TokensWrite
            | Scope::DevicesWrite
            | Scope::MembersWrite
            | Scope::ActionsDecide
            | Scope::ConsentsWrite
            | Scope::RecognitionEnrol
            | Scope::RecognitionDecide
            | Scope::DelegationsWrite
            // By one's own hand.
            | Scope::MemoriesShare
            | Scope::ArtifactsShare
    );
    Role::least_for(scope).is_some() && !is_never
}

/// The place of what lets a program talk, where it hears the answer and may not read memories, though its user may: it would be told of
/// them all the same. A guest's program is told nothing of the household's.
#[must_use]
pub fn told_unread(scopes: &[Scope], role: Role) -> Option<usize> {
    let has = |scope| scopes.contains(&scope);
    let hears = has(Scope::TurnsRead) || has(Scope::EventsRead);
    let is_told = hears && !has(Scope::MemoriesRead) && role.grants(Scope::MemoriesRead);
    scopes
        .iter()
        .position(|scope| is_told && *scope == Scope::MessagesWrite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lets_nobody_in_decides_nothing_consents_to_nothing_and_is_no_satellite() {
        let refused: Vec<&str> = Scope::ALL
            .iter()
            .filter(|scope| !may_have(**scope))
            .map(|scope| scope.as_str())
            .collect();
        let never = [
            "devices:write",
            "events:write",
            "memories:share",
            "actions:decide",
            "commands:receive",
            "state:write",
            "artifacts:share",
            "tokens:write",
            "members:write",
            "consents:write",
            "recognition:enrol",
            "recognition:decide",
            "delegations:write",
        ];
        assert_eq!(refused, never);
    }
}
