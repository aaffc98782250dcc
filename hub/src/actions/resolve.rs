//! A person says what became of an action whose end is unknown: done, not done, or try again.

use serde::{Deserialize, Serialize};
use tracing::Instrument;
use utoipa::ToSchema;

use super::{
    APPROVAL_LIFE, Action, ActionState,
    decide::{Said, expect, is_bound, lock, story},
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

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened.
    Done,
    /// It did not happen.
    NotDone,
    /// Do it again, though it may have happened.
    Retry,
}

impl Resolution {
    const fn decision(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not_done",
            Self::Retry => "retry",
        }
    }

    const fn becomes(self) -> ActionState {
        match self {
            Self::Done => ActionState::Succeeded,
            Self::NotDone => ActionState::Failed,
            Self::Retry => ActionState::Approved,
        }
    }
}

/// Resolves an action whose end is unknown.
pub async fn resolve(
    tx: &mut Tx,
    caller: &Caller,
    id: ActionId,
    resolution: Resolution,
    said: Said,
) -> Result<Action> {
    let span = story(tx, "resolve_action", id).await?;
    decided(tx, caller, id, resolution, said).instrument(span).await
}

async fn decided(
    tx: &mut Tx,
    caller: &Caller,
    id: ActionId,
    resolution: Resolution,
    said: Said,
) -> Result<Action> {
    let (stored, user) = lock(tx, caller, id, &said).await?;
    expect(&stored, ActionState::Unknown)?;
    if resolution == Resolution::Retry && !is_bound(&stored) {
        return Err(Error::conflict(
            "tool_changed",
            "the tool has changed since the proposal: ask the agent again",
        ));
    }
    let decision = NewDecision {
        decision: resolution.decision(),
        user,
        reason: said.reason.as_deref(),
    };
    tx.actions().insert_decision(&stored, &decision).await?;
    let error =
        (resolution == Resolution::NotDone).then(|| "a person says that it did not happen".to_owned());
    let deadline_at = (resolution == Resolution::Retry).then(|| tx.now() + APPROVAL_LIFE);
    let action = change(
        tx,
        stored,
        Change {
            error,
            deadline_at,
            ..Change::to(resolution.becomes())
        },
    )
    .await?;
    if resolution == Resolution::Retry {
        let job = NewJob {
            kind: JobKind::ExecuteAction,
            lane: format!("action:{id}"),
            subject: id.0,
        };
        tx.jobs().insert(job).await?;
    }
    tx.record(
        Record::of("resolve_action")
            .on("action", id.0)
            .with("resolution", resolution.decision()),
    );
    Ok(action)
}
