//! What an action is about is forgotten: nothing is done about it any more.

use super::{ActionState, settle::change};
use crate::{
    error::Result,
    ids::ActionId,
    storage::{Change, Tx},
};

/// Ends an action that has not begun. One that has begun ends by its command. The caller records the operation.
pub async fn withdraw(tx: &mut Tx, id: ActionId) -> Result<()> {
    let Some(stored) = tx.actions().lock(id).await? else {
        return Ok(());
    };
    let state = match stored.action.state {
        // Whoever forgets it has decided.
        ActionState::Proposed => ActionState::Rejected,
        ActionState::Approved => ActionState::Cancelled,
        _ => return Ok(()),
    };
    change(tx, stored, Change::to(state)).await?;
    Ok(())
}
