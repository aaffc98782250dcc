//! A dead job goes again.

use super::JobKind;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::{JobId, TurnId},
    storage::Tx,
};

/// Queues a dead job anew, and its turn with it.
pub async fn replay(tx: &mut Tx, id: JobId) -> Result<()> {
    let replayed = tx
        .jobs()
        .replay(id)
        .await?
        .ok_or(Error::NotFound { what: "dead job" })?;
    let (kind, subject) = replayed;
    match kind {
        JobKind::RunTurn => {
            if !tx.turns().revive(TurnId(subject)).await? {
                return Err(Error::conflict("wrong_state", "the turn of this job is not dead"));
            }
            tx.turn_stream().reopen(TurnId(subject)).await?;
        }
        // Whatever is missing by then.
        JobKind::EmbedMemories => {}
        // The action failed when its job was given up; it is not approved any more.
        JobKind::ExecuteAction => {
            return Err(Error::conflict(
                "not_replayable",
                "the action of this job has failed: ask the agent again",
            ));
        }
    }
    tx.record(Record::of("replay_job").on("job", id.0));
    Ok(())
}
