//! The gate that every sink asks before it keeps, plans on or passes on what belongs to a space (DESIGN 13). Fails closed: a
//! mode that nobody knows is private.

use super::PrivacyMode;
use crate::{error::Result, ids::SpaceId, storage::Tx};

/// Whether what belongs to a space may be kept now. In order with the log only after the agent's head row was taken: a change
/// of mode is then before or after what is appended, and nothing slips between.
pub async fn may_keep(tx: &mut Tx, space: SpaceId) -> Result<bool> {
    Ok(tx.places().privacy_mode(space).await? != PrivacyMode::Private)
}

/// The same, held until the unit of work ends, for what is written beside the log: a change of mode waits for it, or it sees
/// the change.
pub async fn may_write(tx: &mut Tx, space: SpaceId) -> Result<bool> {
    Ok(tx.places().hold_privacy_mode(space).await? != PrivacyMode::Private)
}
