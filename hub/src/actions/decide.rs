//! What every decision shares: it is bound to the exact arguments and to the tool's schema, and to the state it was made in.

use tracing::Span;

use super::{ActionState, tool};
use crate::{
    canonical,
    error::{Error, Result},
    events::payload::check_text,
    identity::Caller,
    ids::{ActionId, UserId},
    storage::{StoredAction, Tx},
    telemetry::trace,
};

/// Characters of a reason at most.
const MAX_REASON: usize = 2_000;

/// What a person says with a decision.
#[derive(Debug, Default, Clone)]
pub struct Said {
    /// Why.
    pub reason: Option<String>,
    /// The arguments they saw, as SHA-256 in hex: refused if the action holds others.
    pub arguments_sha256: Option<String>,
}

/// The span of a decision, in the story of its action.
pub(super) async fn story(tx: &mut Tx, operation: &str, id: ActionId) -> Result<Span> {
    if !trace::is_on() {
        return Ok(Span::none());
    }
    let story = tx.actions().trace_context(id).await?;
    Ok(trace::decision(operation, id.0, story.as_deref()))
}

/// Locks an action for a decision by a person.
pub(super) async fn lock(
    tx: &mut Tx,
    caller: &Caller,
    id: ActionId,
    said: &Said,
) -> Result<(StoredAction, UserId)> {
    let user = caller.user().ok_or(Error::Forbidden {
        scope: "actions:decide",
    })?;
    if let Some(reason) = &said.reason {
        check_text(reason, MAX_REASON).map_err(|detail| Error::invalid("/reason", detail))?;
    }
    let stored = tx
        .actions()
        .lock(id)
        .await?
        .ok_or(Error::NotFound { what: "action" })?;
    if said
        .arguments_sha256
        .as_ref()
        .is_some_and(|seen| *seen != stored.action.arguments_sha256)
    {
        return Err(Error::conflict(
            "arguments_changed",
            "the action has other arguments than you decided on",
        ));
    }
    Ok((stored, user))
}

/// Refuses a decision in a state that does not take it.
pub(super) fn expect(stored: &StoredAction, state: ActionState) -> Result<()> {
    let present = stored.action.state;
    if present == state {
        return Ok(());
    }
    let detail = format!("the action is {}, not {}", present.as_str(), state.as_str());
    Err(Error::conflict("wrong_state", detail))
}

/// Whether what was proposed is still what would run.
pub(super) fn is_bound(stored: &StoredAction) -> bool {
    tool::find(&stored.action.tool).is_some_and(|tool| {
        tool::schema_sha256(tool) == stored.schema_sha256
            && canonical::sha256(&stored.action.arguments) == stored.arguments_sha256
    })
}
