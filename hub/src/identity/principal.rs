//! Principals: who a credential proves somebody to be, with what was read of them for this request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Actor, ActorKind, Role, Scope};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    ids::{AgentId, DelegationId, DeviceId, PersonId, SignInId, SpaceId, TokenId, UserId},
    places::{Spaces, View},
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

impl Known {
    /// As the audit log says it.
    #[must_use]
    pub const fn actor(&self, request_id: Option<String>) -> Actor {
        actor(self.user, self.proof, request_id)
    }
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
    /// Another agent, or a service, by a delegation of the agent's.
    Delegate(Delegate),
}

/// Who acts for an agent that is not theirs, in one request.
#[derive(Debug, Clone)]
pub struct Delegate {
    /// The delegation.
    pub delegation: DelegationId,
    /// Its secret's row.
    pub token: TokenId,
    /// All that it came from and itself, the first one first.
    pub chain: Vec<DelegationId>,
    /// Who of the other agent acts; none: the service that it was given to.
    pub by: Option<Acting>,
    /// What may be done, by all of the chain.
    pub scopes: Vec<Scope>,
    /// In these spaces; none: in all.
    pub within: Option<Spaces>,
}

/// Somebody of an agent, who acts for another one on its behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Acting {
    /// Their agent.
    pub agent: AgentId,
    /// The user.
    pub user: UserId,
    /// What proved who they are.
    pub proof: Proof,
}

impl Acting {
    /// As the audit log of their own agent says it.
    #[must_use]
    pub const fn actor(&self, request_id: Option<String>) -> Actor {
        actor(self.user, self.proof, request_id)
    }
}

const fn actor(user: UserId, proof: Proof, request_id: Option<String>) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Some(user.0),
        access_token: match proof {
            Proof::Token(token) => Some(token),
            Proof::SignIn(_) | Proof::Issuer { .. } => None,
        },
        request_id,
    }
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
            // What the household sees, and nobody's own.
            Principal::Delegate(_) => None,
        }
    }

    /// The caller as the audit log says it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (kind, id) = match &self.principal {
            Principal::User { user, .. } => (ActorKind::User, user.0),
            Principal::Device { device, .. } => (ActorKind::Device, device.0),
            Principal::Delegate(delegate) => match delegate.by {
                Some(acting) => (ActorKind::Agent, acting.agent.0),
                None => (ActorKind::Service, delegate.delegation.0),
            },
        };
        Actor {
            kind,
            id: Some(id),
            access_token: self.access_token(),
            request_id: self.request_id.clone(),
        }
    }

    /// The opaque credential that was used: of a device, a personal one, or that of a delegation.
    const fn access_token(&self) -> Option<TokenId> {
        match (&self.principal, self.proof) {
            (Principal::Device { token, .. }, _) => Some(*token),
            (Principal::Delegate(delegate), _) => Some(delegate.token),
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
            // No device has the scope, nor has a delegation.
            Principal::Device { device, .. } => Some(UserId(device.0)),
            Principal::Delegate(delegate) => Some(UserId(delegate.delegation.0)),
        }
    }

    /// The delegation by which the caller acts. Of the agent's delegations they see this one and those below it.
    #[must_use]
    pub const fn delegation(&self) -> Option<DelegationId> {
        match &self.principal {
            Principal::Delegate(delegate) => Some(delegate.delegation),
            Principal::User { .. } | Principal::Device { .. } => None,
        }
    }

    /// Whether the caller sees what is the household's: a guest sees their own alone.
    #[must_use]
    pub const fn sees_the_household(&self) -> bool {
        !matches!(self.view(), View::Own)
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

    /// Whether the caller may say something about a person: themself, or as who runs the household.
    #[must_use]
    pub fn speaks_for(&self, person: PersonId) -> bool {
        self.runs_the_household() || (self.person() == Some(person) && self.user().is_some())
    }

    /// Of whom the caller sees what was recognised: of everybody when none, as who runs the household; else of themself.
    pub fn sees_recognised(&self) -> Result<Option<PersonId>> {
        if self.runs_the_household() {
            return Ok(None);
        }
        let person = self.person().ok_or(Error::NotFound { what: "person" })?;
        Ok(Some(person))
    }

    /// The first of those by which the caller acts: whom a user of the agent let in.
    #[must_use]
    pub fn root_delegation(&self) -> Option<DelegationId> {
        match &self.principal {
            Principal::Delegate(delegate) => delegate.chain.first().copied(),
            Principal::User { .. } | Principal::Device { .. } => None,
        }
    }

    /// What the caller sees besides their own. What a private space has kept before is for people (law 8).
    #[must_use]
    pub const fn view(&self) -> View {
        match &self.principal {
            Principal::Delegate(delegate) => match delegate.within {
                Some(spaces) => View::OpenOf(spaces),
                None => View::Open,
            },
            Principal::User {
                role: Role::Guest | Role::Blocked,
                ..
            } => View::Own,
            Principal::User { .. } | Principal::Device { .. } => View::All,
        }
    }

    /// The user, for operations that only people may do.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match &self.principal {
            Principal::User { user, .. } => Some(*user),
            Principal::Device { .. } | Principal::Delegate(_) => None,
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
            // Another household's words, or a program's.
            Principal::Delegate(_) => Trust::Outside,
        }
    }

    /// The caller's name for idempotency keys: keys of two principals never meet, nor do those of two programs of one user, or of
    /// two delegations.
    #[must_use]
    pub fn own_key(&self) -> String {
        if let Principal::Delegate(delegate) = &self.principal {
            let by = delegate.by.map(|acting| acting.user.to_string());
            return format!("delegation:{}:{}", delegate.delegation, by.unwrap_or_default());
        }
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
