//! Removing somebody: they belong to the agent no more, and what stood on their membership ends with it.

use super::{
    Caller, Ended,
    end_membership::end,
    held::{changed, pair},
    membership::{Change, may_change},
};
use crate::{audit::record::Record, error::Result, ids::UserId, storage::Tx};

/// Ends somebody's membership.
pub async fn remove_member(tx: &mut Tx, caller: &Caller, user: UserId) -> Result<Ended> {
    let pair = pair(tx, caller, user).await?;
    may_change(pair.by, pair.whose, Change::Removal)?;
    let ending = end(tx, user).await?;
    tx.identity().end_membership(user).await?;
    let record = Record::of("remove_member").on("user", user.0);
    let record = record.with("former_role", pair.from.as_str());
    let record = ending.told(tx, record).await?;
    tx.record(record);
    changed(tx, user, None, "removed").await?;
    Ok(ending.finish(tx))
}
