//! The memberships that an operation is about, as they are now and held until its end: what a request read when it began may have
//! changed since.

use serde_json::json;

use super::{Caller, Role, membership::Whose};
use crate::{
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    ids::UserId,
    storage::Tx,
};

const NO_AGENT: Error = Error::NotFound { what: "agent" };

/// Who acts, and on whose membership.
pub(super) struct Pair {
    pub(super) by: Role,
    pub(super) whose: Whose,
    /// The role that is to change.
    pub(super) from: Role,
}

/// The caller, who still belongs to the agent.
pub(crate) async fn own(tx: &mut Tx, caller: &Caller) -> Result<(UserId, Role)> {
    let user = person(caller)?;
    let roles = tx.identity().lock_members(&[user]).await?;
    Ok((user, still(roles.get(&user))?))
}

/// The caller and the one who is to be changed.
pub(super) async fn pair(tx: &mut Tx, caller: &Caller, whom: UserId) -> Result<Pair> {
    let user = person(caller)?;
    let roles = tx.identity().lock_members(&[user, whom]).await?;
    let by = still(roles.get(&user))?;
    let from = *roles.get(&whom).ok_or(Error::NotFound { what: "member" })?;
    let whose = if user == whom {
        Whose::Own
    } else {
        Whose::Other(from)
    };
    Ok(Pair { by, whose, from })
}

/// Says to the household what became of a membership; no role where it ended.
pub(super) async fn changed(tx: &mut Tx, user: UserId, role: Option<Role>, change: &str) -> Result<()> {
    let place = Place::in_space(tx.places().elsewhere().await?);
    let said = json!({"user_id": user, "role": role, "change": change});
    tx.append(NewEvent::by_hub(EventKind::MembershipChanged, place, said));
    Ok(())
}

fn person(caller: &Caller) -> Result<UserId> {
    caller
        .user()
        .ok_or_else(|| Error::internal("a device has no membership"))
}

fn still(role: Option<&Role>) -> Result<Role> {
    role.copied()
        .filter(|role| *role != Role::Blocked)
        .ok_or(NO_AGENT)
}
