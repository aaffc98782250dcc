//! Who watches an agent, or waits to: what is asked for again and again while they do.

use super::{Caller, Principal};
use crate::ids::{AgentId, DeviceId, PersonId, SignInId, TokenId, UserId};

/// Who watches, as far as it may end while they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watcher {
    /// A user, at an agent or at none in particular.
    User {
        /// The user.
        user: UserId,
        /// The sign-in that proved who.
        sign_in: Option<SignInId>,
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
}

impl From<&Caller> for Watcher {
    fn from(caller: &Caller) -> Self {
        match caller.principal {
            Principal::User { user, person, .. } => Self::User {
                user,
                sign_in: caller.sign_in,
                at: Some((caller.agent, person)),
            },
            Principal::Device {
                device,
                token,
                person,
                ..
            } => Self::Device {
                agent: caller.agent,
                device,
                token,
                person,
            },
        }
    }
}
