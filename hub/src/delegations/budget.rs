//! How often a delegate may make the agent think: asked before the head is taken, and counted with the turn that is queued.

use crate::{
    error::{Error, Result},
    identity::{Caller, Principal},
    storage::Tx,
};

/// What is left of it, held until the end of the unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// Nobody counts: a user, or a device.
    Unlimited,
    /// At least one turn.
    Left,
    /// None.
    Spent,
}

/// Holds what the caller's turns are counted by: before the head, as everybody does.
pub async fn hold(tx: &mut Tx, caller: &Caller) -> Result<Budget> {
    let Principal::Delegate(delegate) = &caller.principal else {
        return Ok(Budget::Unlimited);
    };
    let held = tx.delegations().hold(&delegate.chain).await?;
    if !held.is_alive {
        return Err(Error::Unauthenticated("the delegation has ended"));
    }
    Ok(if held.has_turns {
        Budget::Left
    } else {
        Budget::Spent
    })
}

/// Counts one turn of what is held.
pub async fn count(tx: &mut Tx, caller: &Caller, budget: Budget) -> Result<()> {
    match (budget, &caller.principal) {
        (Budget::Left, Principal::Delegate(delegate)) => tx.delegations().count_turn(&delegate.chain).await,
        (Budget::Left | Budget::Unlimited, _) => Ok(()),
        (Budget::Spent, _) => Err(Error::conflict(
            "budget_spent",
            "the delegation, or one that it came from, has made the agent think as often as it may",
        )),
    }
}
