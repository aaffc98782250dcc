//! Leaving an agent: one's own membership ends, with what stood on it.

use super::{
    Caller, Ended, Role,
    authorize::only_signed_in,
    end_membership::end,
    held::{changed, own},
    membership::Refusal,
};
use crate::{audit::record::Record, error::Result, storage::Tx};

/// Ends the caller's own membership. The owner stays until they have transferred the ownership.
pub async fn leave_agent(tx: &mut Tx, caller: &Caller) -> Result<Ended> {
    // A program does not leave for its user.
    only_signed_in(caller)?;
    let (user, role) = own(tx, caller).await?;
    if role == Role::Owner {
        return Err(Refusal::OwnerStays.into());
    }
    let ending = end(tx, user).await?;
    tx.identity().end_membership(user).await?;
    let record = Record::of("leave_agent").on("user", user.0);
    let record = ending.told(tx, record.with("former_role", role.as_str())).await?;
    tx.record(record);
    changed(tx, user, None, "left").await?;
    Ok(ending.finish(tx))
}
