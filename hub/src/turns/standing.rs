//! Whether whoever waits for a turn, or follows it, still may: what is revoked ends within a second (law 7).

use std::time::Duration;

use crate::{
    delegations::standing::power_now,
    error::{Error, Result},
    hub::Hub,
    identity::{Caller, Principal, Scope, authorize::authorize, credentials::is_proven},
};

/// How often it is asked.
pub(super) const STILL_MAY_EVERY: Duration = Duration::from_millis(500);

/// Refuses a caller whose sign-in, device, delegation or role has ended since. What they may is from then on what they may now.
pub(super) async fn still_may(hub: &Hub, caller: &mut Caller) -> Result<()> {
    let agent = caller.agent;
    let mut tx = hub.db.begin_system().await?;
    let is_alive = match (&mut caller.principal, caller.proof) {
        (Principal::Delegate(delegate), _) => {
            let now = power_now(&mut tx, agent, delegate.delegation, delegate.by).await?;
            let now = now.ok_or(Error::Unauthenticated("the delegation has ended"))?;
            (delegate.scopes, delegate.within) = (now.scopes, now.within);
            true
        }
        (Principal::User { user, .. }, Some(proof)) => is_proven(&mut tx, agent, *user, proof).await?,
        (Principal::User { .. }, None) => true,
        (Principal::Device { token, .. }, _) => tx.identity().is_credential_alive(*token).await?,
    };
    if !is_alive {
        return Err(Error::Unauthenticated("the credential has ended"));
    }
    if let Principal::User {
        user, role, person, ..
    } = &mut caller.principal
    {
        let standing = tx.identity().membership(agent, *user).await?;
        (*role, *person) = standing.ok_or(Error::NotFound { what: "agent" })?;
    }
    authorize(caller, Scope::TurnsRead)
}
