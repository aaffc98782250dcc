//! Changing what somebody may do. Blocking them ends what stood on their membership.

use super::{
    Caller, Ended, Role,
    end_membership::end,
    held::{changed, pair},
    membership::{Change, may_change, may_invite},
};
use crate::{audit::record::Record, error::Result, ids::UserId, storage::Tx};

/// Gives somebody another role. What changes nothing leaves nothing behind.
pub async fn update_member(tx: &mut Tx, caller: &Caller, user: UserId, role: Role) -> Result<Ended> {
    let pair = pair(tx, caller, user).await?;
    may_change(pair.by, pair.whose, Change::To(role))?;
    if role == pair.from {
        return Ok(Ended::default());
    }
    let record = Record::of("update_member")
        .on("user", user.0)
        .with("role", role.as_str())
        .with("former_role", pair.from.as_str());
    let ended = if role == Role::Blocked {
        let ending = end(tx, user).await?;
        let record = ending.told(tx, record).await?;
        tx.record(record);
        ending.finish(tx)
    } else {
        let invitations = revoke_invitations_beyond(tx, user, role).await?;
        tx.record(record.with("revoked_invitations", invitations));
        Ended {
            invitations,
            ..Ended::default()
        }
    };
    tx.identity().change_role(user, role).await?;
    changed(tx, user, Some(role), "role").await?;
    Ok(ended)
}

/// Revokes the open invitations of somebody that they could not make with this role.
pub(super) async fn revoke_invitations_beyond(tx: &mut Tx, user: UserId, role: Role) -> Result<u64> {
    let still: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|invited| may_invite(role, *invited))
        .collect();
    tx.identity().revoke_invitations_of(user, &still).await
}
