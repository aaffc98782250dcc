//! Revoking an invitation: nobody comes in with its code from the commit on.

use super::{
    Caller,
    held::own,
    membership::{Refusal, may_invite},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::InvitationId,
    storage::Tx,
};

/// Revokes an invitation that the caller could have made. One that has ended stays as it ended.
pub async fn revoke_invitation(tx: &mut Tx, caller: &Caller, id: InvitationId) -> Result<()> {
    let (_, by) = own(tx, caller).await?;
    let found = tx.identity().lock_invitation(id).await?;
    let invitation = found.ok_or(Error::NotFound { what: "invitation" })?;
    if !may_invite(by, invitation.role) {
        return Err(Refusal::OwnersOnly.into());
    }
    if invitation.is_open(tx.now()) {
        tx.identity().revoke_invitation(id).await?;
        tx.record(Record::of("revoke_invitation").on("invitation", id.0));
    }
    Ok(())
}
