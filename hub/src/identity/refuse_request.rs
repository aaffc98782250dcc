//! Whoever is known to an agent and lacks the role or the scope for something stands in its audit log.

use super::{Caller, Principal, Role};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
};

/// What somebody lacks who is blocked: to them the agent is not there.
const A_PLACE: &str = "a place in the agent";

/// What a caller lacked, where that is why they were refused.
#[must_use]
pub fn lacked(caller: &Caller, error: &Error) -> Option<&'static str> {
    match (error, &caller.principal) {
        (Error::Forbidden { scope }, _) => Some(scope),
        (
            Error::NotFound { what: "agent" },
            Principal::User {
                role: Role::Blocked, ..
            },
        ) => Some(A_PLACE),
        _ => None,
    }
}

/// Writes down that a caller was refused an operation for what they lacked, as far as an hour has room for it. Never what it was about:
/// that is the caller's to choose, and an entry stays.
pub async fn refuse_request(hub: &Hub, caller: &Caller, operation: &str, lacked: &str) -> Result<()> {
    if !hub.refused_requests.refuse(caller.agent, hub.clock.now()) {
        return Ok(());
    }
    let mut tx = hub.db.begin_system().await?;
    let record = Record::of("authorize_request")
        .refused()
        .with("operation_id", operation)
        .with("scope", lacked);
    tx.record_at(caller.agent, caller.actor(), record);
    tx.commit().await?;
    Ok(())
}
