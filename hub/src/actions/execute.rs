//! Executing an approved action: the attempt is committed with its effect inside the hub.

use super::{
    ActionState,
    decide::is_bound,
    expire::{end_of, end_overdue},
    settle::change,
    tool::{self, Attempt, Execution},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    ids::ActionId,
    jobs::Failure,
    storage::{Change, Lease, StoredAction, Tx, TxScope},
};

/// Executes the action of a job.
pub async fn execute(hub: &Hub, lease: &Lease) -> Result<(), Failure> {
    let id = ActionId(lease.subject);
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(lease.agent), Actor::hub())
        .await?;
    tx.jobs().finish(lease).await?;
    let stored = tx
        .actions()
        .lock(id)
        .await?
        .ok_or_else(|| Error::internal("a job for an action that is not there"))?;
    // Executed by an earlier holder of the job, or decided otherwise: nothing to do.
    if let Some(end) = end_of(&stored, tx.now()) {
        // Before the sweep came by.
        end_overdue(&mut tx, stored, end).await?;
    } else if stored.action.state == ActionState::Approved {
        run(&mut tx, lease, stored).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn run(tx: &mut Tx, lease: &Lease, stored: StoredAction) -> Result<()> {
    let record = Record::of("execute_action").on("action", stored.action.id.0);
    let Some(tool) = tool::find(&stored.action.tool).filter(|_| is_bound(&stored)) else {
        // What was approved is not what would run: ask again.
        let deadline_at = Some(tx.now() + super::PROPOSAL_LIFE);
        change(
            tx,
            stored,
            Change {
                deadline_at,
                ..Change::to(ActionState::Proposed)
            },
        )
        .await?;
        tx.record(record.refused().with("reason", "tool_changed"));
        return Ok(());
    };
    let action = stored.action.id;
    let attempt = tx.actions().open_attempt(action, lease.fence).await?;
    let audience = stored.action.audience_person_id;
    let arguments = stored.action.arguments.clone();
    match tool
        .execute(
            tx,
            Attempt {
                action,
                attempt,
                audience,
            },
            &arguments,
        )
        .await?
    {
        Execution::Sent => {
            change(tx, stored, Change::to(ActionState::Executing)).await?;
            tx.record(record.with("attempt_id", attempt.to_string()));
        }
        Execution::Refused(problem) => {
            tx.actions().close_attempt(attempt, "failed").await?;
            change(
                tx,
                stored,
                Change {
                    error: Some(problem),
                    ..Change::to(ActionState::Failed)
                },
            )
            .await?;
            tx.record(record.refused().with("attempt_id", attempt.to_string()));
        }
    }
    Ok(())
}

/// An execution that cannot be carried through fails the action, in the unit of work that buries its job.
pub async fn give_up(tx: &mut Tx, id: ActionId, reason: &str) -> Result<()> {
    let Some(stored) = tx.actions().lock(id).await? else {
        return Ok(());
    };
    if stored.action.state == ActionState::Approved {
        change(
            tx,
            stored,
            Change {
                error: Some(reason.to_owned()),
                ..Change::to(ActionState::Failed)
            },
        )
        .await?;
        tx.record(Record::of("give_up_action").on("action", id.0));
    }
    Ok(())
}
