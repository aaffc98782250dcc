//! A person rejects an action: it will never run.

use tracing::Instrument;

use super::{
    Action, ActionState,
    decide::{Said, expect, lock, story},
    settle::change,
};
use crate::{
    audit::record::Record,
    error::Result,
    identity::Caller,
    ids::ActionId,
    storage::{Change, NewDecision, Tx},
};

/// Rejects a proposed action.
pub async fn reject(tx: &mut Tx, caller: &Caller, id: ActionId, said: Said) -> Result<Action> {
    let span = story(tx, "reject_action", id).await?;
    decided(tx, caller, id, said).instrument(span).await
}

async fn decided(tx: &mut Tx, caller: &Caller, id: ActionId, said: Said) -> Result<Action> {
    let (stored, user) = lock(tx, caller, id, &said).await?;
    expect(&stored, ActionState::Proposed)?;
    let decision = NewDecision {
        decision: "reject",
        user,
        reason: said.reason.as_deref(),
    };
    let decision = tx.actions().insert_decision(&stored, &decision).await?;
    let action = change(tx, stored, Change::to(ActionState::Rejected)).await?;
    tx.record(
        Record::of("reject_action")
            .on("action", id.0)
            .with("decision_id", decision.to_string()),
    );
    Ok(action)
}
