//! Every transition of an action goes through here: checked, written, told.

use serde_json::json;

use super::{Action, ActionState};
use crate::{
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    ids::{ActionId, AttemptId},
    mailbox::{Command, CommandState},
    storage::{Change, StoredAction, Tx},
};

/// Moves a locked action to its next state and tells the log.
pub(super) async fn change(tx: &mut Tx, stored: StoredAction, change: Change) -> Result<Action> {
    let mut action = stored.action;
    if !action.state.may_become(change.state) {
        let detail = format!(
            "an action that is {} cannot become {}",
            action.state.as_str(),
            change.state.as_str()
        );
        return Err(Error::conflict("wrong_state", detail));
    }
    tx.actions().transition(action.id, action.state, &change).await?;
    let place = place(tx, &action).await?;
    tx.append(tell(&action, change.state, place));
    action.state = change.state;
    action.result = change.result.or(action.result);
    action.error = change.error;
    action.deadline_at = change.deadline_at.unwrap_or(action.deadline_at);
    action.updated_at = tx.now();
    Ok(action)
}

/// The event that says where an action stands. It holds no content: whoever may see the action reads it.
pub(super) fn tell(action: &Action, state: ActionState, place: Place) -> NewEvent {
    let said = json!({"action_id": action.id, "tool": action.tool, "state": state});
    NewEvent::by_hub(EventKind::ActionChanged, place, said)
}

async fn place(tx: &mut Tx, action: &Action) -> Result<Place> {
    let space = tx.places().elsewhere().await?;
    Ok(Place {
        session: action.session_id,
        audience: action.audience_person_id,
        ..Place::in_space(space)
    })
}

/// An attempt's command has ended: so does the attempt, and the action with it.
pub async fn settle(tx: &mut Tx, action: ActionId, attempt: AttemptId, command: &Command) -> Result<()> {
    let (state, word) = outcome(command.state);
    let Some(state) = state else { return Ok(()) };
    let Some(stored) = tx.actions().lock(action).await? else {
        return Ok(());
    };
    tx.actions().close_attempt(attempt, word).await?;
    // A late result of an attempt that a person has resolved meanwhile is kept on the command only, and so is one of an
    // attempt after which another was approved: only the last one decides.
    let waits = matches!(stored.action.state, ActionState::Executing | ActionState::Unknown);
    let attempts = tx.actions().attempts(action).await?;
    let is_last = attempts.last().is_some_and(|last| last.id == attempt);
    if !(waits && is_last && stored.action.state.may_become(state)) {
        return Ok(());
    }
    let error = error_of(command);
    change(
        tx,
        stored,
        Change {
            result: command.result.clone(),
            error,
            ..Change::to(state)
        },
    )
    .await?;
    Ok(())
}

const fn outcome(command: CommandState) -> (Option<ActionState>, &'static str) {
    match command {
        CommandState::Succeeded => (Some(ActionState::Succeeded), "succeeded"),
        CommandState::Failed | CommandState::Unsupported => (Some(ActionState::Failed), "failed"),
        CommandState::Cancelled | CommandState::Superseded => (Some(ActionState::Cancelled), "cancelled"),
        CommandState::Expired => (Some(ActionState::TimedOut), "timed_out"),
        CommandState::Unknown => (Some(ActionState::Unknown), "unknown"),
        CommandState::Queued | CommandState::Sent | CommandState::Acknowledged => (None, "open"),
    }
}

fn error_of(command: &Command) -> Option<String> {
    match command.state {
        CommandState::Expired => Some("the device did not take it in time: it never started".to_owned()),
        CommandState::Unknown => Some("the device did not answer in time: it may have been done".to_owned()),
        CommandState::Unsupported => Some("the device cannot do this".to_owned()),
        CommandState::Failed | CommandState::Cancelled => {
            let message = command
                .error
                .as_ref()
                .and_then(|error| error.get("message")?.as_str().map(str::to_owned));
            message.or_else(|| Some("the device gave no reason".to_owned()))
        }
        _ => None,
    }
}
