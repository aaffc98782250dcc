//! Who belongs to an agent, and the one rule of who may change that.
//!
//! The owner is protected: nobody changes or removes them, and they pass the agent on themselves. Nobody changes their own
//! membership; they may leave. An admin makes, changes and removes members and guests, and may block them; only the owner makes
//! or touches admins, and lets a blocked user back in. With a membership goes what stood on it ([`Ended`]).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Role;
use crate::{
    clock::DateTime,
    error::Error,
    ids::{DeviceId, PersonId, UserId},
};

/// A user who belongs to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The user.
    pub user_id: UserId,
    /// The person they are to the agent.
    pub person_id: Option<PersonId>,
    /// What the agent calls them.
    #[schema(example = "Bob")]
    pub name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// When they joined.
    pub joined_at: DateTime,
}

/// What ended together with a membership.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ended {
    /// How many of their personal access tokens for this agent were revoked.
    pub tokens: u64,
    /// How many of their open invitations were revoked.
    pub invitations: u64,
    /// How many delegations that they made, and those below them, were revoked.
    #[serde(default)]
    pub delegations: u64,
    /// Their personal devices, which were revoked: such a device sees its person's private things.
    pub devices: Vec<EndedDevice>,
}

/// A device that went with its person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedDevice {
    /// The device.
    pub id: DeviceId,
    /// Its name.
    #[schema(example = "bob's phone")]
    pub name: String,
}

/// What is to become of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It gets this role.
    To(Role),
    /// It ends.
    Removal,
}

/// Whose membership it is, seen from who changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Their own.
    Own,
    /// Somebody else's, who has this role.
    Other(Role),
}

/// Why a membership may not be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The owner stays the owner until they transfer the ownership.
    OwnerStays,
    /// Nobody is made the owner but by a transfer.
    OnlyByTransfer,
    /// Nobody changes their own membership.
    Oneself,
    /// This is the owner's to do.
    OwnersOnly,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OwnerStays => Self::conflict(
                "owner_protected",
                "the owner's membership cannot be changed: they transfer the ownership first",
            ),
            Refusal::OnlyByTransfer => {
                Self::invalid("/role", "cannot be owner: the owner transfers the ownership")
            }
            Refusal::Oneself => Self::conflict(
                "own_membership",
                "nobody changes their own membership: ask another admin or the owner, or leave",
            ),
            Refusal::OwnersOnly => Self::Forbidden {
                scope: "members:write of the owner",
            },
        }
    }
}

/// Whether somebody with the role `by` may change a membership so.
pub fn may_change(by: Role, whose: Whose, change: Change) -> Result<(), Refusal> {
    if whose == Whose::Other(Role::Owner) || (whose == Whose::Own && by == Role::Owner) {
        return Err(Refusal::OwnerStays);
    }
    if change == Change::To(Role::Owner) {
        return Err(Refusal::OnlyByTransfer);
    }
    let Whose::Other(from) = whose else {
        return Err(Refusal::Oneself);
    };
    let is_theirs = match by {
        Role::Owner => true,
        Role::Admin => {
            matches!(from, Role::Guest | Role::Member)
                && !matches!(change, Change::To(Role::Admin | Role::Owner))
        }
        Role::Blocked | Role::Guest | Role::Member => false,
    };
    if is_theirs {
        Ok(())
    } else {
        Err(Refusal::OwnersOnly)
    }
}

/// Whether somebody with the role `by` may let others in as this.
#[must_use]
pub const fn may_invite(by: Role, invited: Role) -> bool {
    match (by, invited) {
        (Role::Owner, Role::Guest | Role::Member | Role::Admin)
        | (Role::Admin, Role::Guest | Role::Member) => true,
        (Role::Owner | Role::Admin | Role::Blocked | Role::Guest | Role::Member, _) => false,
    }
}

/// Whether somebody with the role `by` may let a blocked user back in.
#[must_use]
pub const fn may_readmit(by: Role) -> bool {
    matches!(by, Role::Owner)
}

#[cfg(test)]
#[path = "membership_tests.rs"]
mod tests;
