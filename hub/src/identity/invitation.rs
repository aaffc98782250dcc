//! Invitations: one-time codes with which a household's other people come in.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Role;
use crate::{
    clock::DateTime,
    ids::{InvitationId, UserId},
};

/// How long a code is good when nobody says: over a weekend.
pub const DEFAULT_LIFE: Duration = Duration::days(3);
/// And at most: who has not come by then is invited again.
pub const LONGEST_LIFE: Duration = Duration::days(14);
/// Open invitations of one inviter at most: each is a door left open.
pub const MOST_OPEN: i64 = 20;
/// Characters of the name at most.
pub const MAX_NAME: usize = 100;

/// An invitation, without its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// What who accepts it becomes.
    pub role: Role,
    /// What the agent will call them; null: by their login name.
    #[schema(example = "Bob")]
    pub name: Option<String>,
    /// Who invites.
    pub created_by: UserId,
    /// When they did.
    pub created_at: DateTime,
    /// When the code ends.
    pub expires_at: DateTime,
    /// When somebody joined with it; null while nobody has.
    pub accepted_at: Option<DateTime>,
    /// Who joined with it.
    pub accepted_by: Option<UserId>,
    /// When it was revoked; null if it was not.
    pub revoked_at: Option<DateTime>,
}

impl Invitation {
    /// Whether somebody may still join with it.
    #[must_use]
    pub fn is_open(&self, now: DateTime) -> bool {
        self.accepted_at.is_none() && self.revoked_at.is_none() && self.expires_at > now
    }
}
