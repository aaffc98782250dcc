//! The one function that decides. REST, the satellite channel and the tool runner all call it.

use super::{Caller, Principal, Role, Scope};
use crate::error::{Error, Result};

/// Whether a caller may do what a scope stands for.
///
/// A blocked user learns nothing, not even that the agent exists; anyone else who lacks the scope is told which.
pub fn authorize(caller: &Caller, scope: Scope) -> Result<()> {
    let is_allowed = match &caller.principal {
        Principal::User {
            role: Role::Blocked, ..
        } => return Err(Error::NotFound { what: "agent" }),
        Principal::User { role, within, .. } => {
            role.grants(scope) && within.as_ref().is_none_or(|scopes| scopes.contains(&scope))
        }
        Principal::Device { scopes, .. } => scopes.contains(&scope),
        Principal::Delegate(delegate) => delegate.scopes.contains(&scope),
    };
    if is_allowed {
        Ok(())
    } else {
        Err(Error::Forbidden {
            scope: scope.as_str(),
        })
    }
}

/// What only a user who signed in may do, no program and no device.
pub const SIGNED_IN_ONLY: Error = Error::Forbidden {
    scope: "a user's sign-in",
};

/// Refuses all but a user who signed in, whatever the scopes: this is for somebody who is there.
pub fn only_signed_in(caller: &Caller) -> Result<()> {
    match &caller.principal {
        Principal::User { within: None, .. } => Ok(()),
        Principal::User { within: Some(_), .. } | Principal::Device { .. } | Principal::Delegate(_) => {
            Err(SIGNED_IN_ONLY)
        }
    }
}
