//! Agents, the humans around them, and everything that proves who is calling.

mod agents;
mod claims;
mod identities;
mod invitations;
mod members;
mod personal_tokens;
mod standing;
mod tokens;
mod users;

pub use agents::{AgentBrief, NewAgent};
pub use personal_tokens::PersonalCredential;
pub use standing::{DeviceStanding, UserStanding};
pub use tokens::Credential;
pub use users::{Generation, SignIn, StoredUser};

use super::Tx;
use crate::error::{Error, Result};

/// The tables of identity.
pub struct Identity<'a>(&'a mut Tx);

impl Tx {
    /// The tables of identity.
    pub fn identity(&mut self) -> Identity<'_> {
        Identity(self)
    }
}

/// Asserts that a write touched its row.
pub(super) fn one(rows: u64, what: &'static str) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::internal(what))
    }
}
