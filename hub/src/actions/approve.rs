//! A person approves an action; it is queued for execution in the same transaction.

use tracing::Instrument;

use super::{
    APPROVAL_LIFE, Action, ActionState,
    decide::{expect, is_bound, lock, story},
    settle::change,
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    identity::Caller,
    ids::ActionId,
    jobs::JobKind,
    storage::{Change, NewDecision, NewJob, Tx},
};

pub use super::decide::Said;

/// Approves a proposed action.
pub async fn approve(tx: &mut Tx, caller: &Caller, id: ActionId, said: Said) -> Result<Action> {
    let span = story(tx, "approve_action", id).await?;
    decided(tx, caller, id, said).instrument(span).await
}

async fn decided(tx: &mut Tx, caller: &Caller, id: ActionId, said: Said) -> Result<Action> {
    let (stored, user) = lock(tx, caller, id, &said).await?;
    expect(&stored, ActionState::Proposed)?;
    if stored.action.deadline_at <= tx.now() {
        return Err(Error::conflict("expired", "the proposal has expired"));
    }
    if !is_bound(&stored) {
        return Err(Error::conflict(
            "tool_changed",
            "the tool has changed since the proposal: ask the agent again",
        ));
    }
    let decision = NewDecision {
        decision: "approve",
        user,
        reason: said.reason.as_deref(),
    };
    let decision = tx.actions().insert_decision(&stored, &decision).await?;
    let salt = stored.salt;
    let approved = Change {
        deadline_at: Some(tx.now() + APPROVAL_LIFE),
        ..Change::to(ActionState::Approved)
    };
    let action = change(tx, stored, approved).await?;
    tx.jobs()
        .insert(NewJob {
            kind: JobKind::ExecuteAction,
            lane: format!("action:{id}"),
            subject: id.0,
        })
        .await?;
    let record = Record::of("approve_action")
        .on("action", id.0)
        .with("decision_id", decision.to_string());
    tx.record(record.commits("action", id.0, &salt, &action.arguments));
    Ok(action)
}
