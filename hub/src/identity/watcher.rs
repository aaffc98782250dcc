//! Who watches an agent, or waits to: what is asked for again and again while they do.

use super::{Acting, Caller, Principal, Proof};
use crate::ids::{AgentId, DelegationId, DeviceId, PersonId, TokenId, UserId};

/// Who watches, as far as it may end while they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watcher {
    /// A user, at an agent or at none in particular.
    User {
        /// The user.
        user: UserId,
        /// What proved who.
        proof: Option<Proof>,
        /// The agent that is watched, and as which person.
        at: Option<(AgentId, Option<PersonId>)>,
    },
    /// A device.
    Device {
        /// The agent.
        agent: AgentId,
        /// The device.
        device: DeviceId,
        /// Its credential.
        token: TokenId,
        /// Whose it is.
        person: Option<PersonId>,
    },
    /// Somebody with a delegation.
    Delegate {
        /// The agent.
        agent: AgentId,
        /// The delegation.
        delegation: DelegationId,
        /// Who of the other agent; none: a service.
        by: Option<Acting>,
    },
}

impl From<&Caller> for Watcher {
    fn from(caller: &Caller) -> Self {
        match &caller.principal {
            Principal::User { user, person, .. } => Self::User {
                user: *user,
                proof: caller.proof,
                at: Some((caller.agent, *person)),
            },
            Principal::Device {
                device,
                token,
                person,
                ..
            } => Self::Device {
                agent: caller.agent,
                device: *device,
                token: *token,
                person: *person,
            },
            Principal::Delegate(delegate) => Self::Delegate {
                agent: caller.agent,
                delegation: delegate.delegation,
                by: delegate.by,
            },
        }
    }
}
