//! Principals: who a credential proves somebody to be, with what was read of them for this request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Actor, ActorKind, Role, Scope};
use crate::{
    clock::DateTime,
    ids::{AgentId, DeviceId, PersonId, SignInId, SpaceId, TokenId, UserId},
};

/// How far content may be believed, by where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// From outside: webhooks, the web.
    Outside,
    /// From a guest.
    Guest,
    /// From the household.
    Household,
    /// From the owner.
    Owner,
}

impl Trust {
    /// The word in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Guest => "guest",
            Self::Household => "household",
            Self::Owner => "owner",
        }
    }

    /// Reads the word; anything else is the least trust.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "owner" => Self::Owner,
            "household" => Self::Household,
            "guest" => Self::Guest,
            _ => Self::Outside,
        }
    }
}

/// A user who signed in, not yet asking for an agent.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The sign-in that the token belongs to.
    pub sign_in: SignInId,
}

/// A user who has proved who they are, not yet asking for an agent.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The user.
    pub user: UserId,
    /// What proved it.
    pub proof: Proof,
}

/// What proved who a user is, and has to live on while they watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A sign-in.
    SignIn(SignInId),
    /// A personal access token.
    Token(TokenId),
    /// A token of an issuer. Nothing but its end, or that of its user, takes it back.
    Issuer {
        /// When it ends.
        expires_at: DateTime,
        /// When they signed in at the issuer, where it says so.
        signed_in_at: Option<DateTime>,
    },
}

/// Who is calling an agent.
#[derive(Debug, Clone)]
pub enum Principal {
    /// A human with a role in the agent.
    User {
        /// The user.
        user: UserId,
        /// The role, read on this request.
        role: Role,
        /// The person they are to the agent.
        person: Option<PersonId>,
        /// The scopes of a personal access token; none when all that the role grants may be done.
        within: Option<Vec<Scope>>,
    },
    /// A satellite of the agent.
    Device {
        /// The device.
        device: DeviceId,
        /// Its credential.
        token: TokenId,
        /// Where it is.
        space: SpaceId,
        /// Whose personal device it is.
        person: Option<PersonId>,
        /// What it may do: the credential's scopes that the device has too.
        scopes: Vec<Scope>,
        /// The trust of what it sends.
        default_trust: Trust,
    },
}

/// A principal at one agent, in one request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The agent.
    pub agent: AgentId,
    /// Who.
    pub principal: Principal,
    /// The request.
    pub request_id: Option<String>,
    /// What proved who, of a user.
    pub proof: Option<Proof>,
}

impl Caller {
    /// The person whose private things the caller may see.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match &self.principal {
            Principal::User { person, .. } | Principal::Device { person, .. } => *person,
        }
    }

    /// The caller as the audit log says it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (kind, id) = match &self.principal {
            Principal::User { user, .. } => (ActorKind::User, user.0),
            Principal::Device { device, .. } => (ActorKind::Device, device.0),
        };
        Actor {
            kind,
            id: Some(id),
            access_token: self.access_token(),
            request_id: self.request_id.clone(),
        }
    }

    /// The opaque credential that was used, of a device or a personal one.
    const fn access_token(&self) -> Option<TokenId> {
        match (&self.principal, self.proof) {
            (Principal::Device { token, .. }, _) => Some(*token),
            (Principal::User { .. }, Some(Proof::Token(token))) => Some(token),
            (Principal::User { .. }, _) => None,
        }
    }

    /// Whose personal access tokens the caller sees: their own; everybody's when none, as the owner.
    #[must_use]
    pub const fn sees_tokens_of(&self) -> Option<UserId> {
        match &self.principal {
            Principal::User {
                role: Role::Owner, ..
            } => None,
            Principal::User { user, .. } => Some(*user),
            // No device has the scope.
            Principal::Device { device, .. } => Some(UserId(device.0)),
        }
    }

    /// Whether the household's things are the caller's to look after: as owner or admin.
    #[must_use]
    pub const fn runs_the_household(&self) -> bool {
        matches!(
            self.principal,
            Principal::User {
                role: Role::Admin | Role::Owner,
                ..
            }
        )
    }

    /// The user, for operations that only people may do.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match &self.principal {
            Principal::User { user, .. } => Some(*user),
            Principal::Device { .. } => None,
        }
    }

    /// The trust of what the caller says.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        match &self.principal {
            // Nobody knows whose words a program passes on.
            Principal::User { within: Some(_), .. }
            | Principal::User {
                role: Role::Guest | Role::Blocked,
                ..
            } => Trust::Guest,
            Principal::User {
                role: Role::Owner, ..
            } => Trust::Owner,
            Principal::User {
                role: Role::Admin | Role::Member,
                ..
            } => Trust::Household,
            Principal::Device { default_trust, .. } => *default_trust,
        }
    }

    /// The caller's name for idempotency keys: keys of two principals never meet, nor do those of two programs of one user.
    #[must_use]
    pub fn own_key(&self) -> String {
        match self.proof {
            Some(Proof::Token(token)) => format!("{}:{token}", self.key()),
            Some(Proof::SignIn(_) | Proof::Issuer { .. }) | None => self.key(),
        }
    }

    /// The caller's name: one for everything that a user does, or a device.
    #[must_use]
    pub fn key(&self) -> String {
        let actor = self.actor();
        format!(
            "{}:{}",
            actor.kind.as_str(),
            actor.id.map_or_else(String::new, |id| id.to_string())
        )
    }
}
