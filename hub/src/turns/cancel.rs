//! Turns that are not wanted any more end at once, all of them: those that wait, whatever for, and those that run. What they have said
//! so far is taken back, and whoever follows them is told once that they were skipped.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{TurnState, fail::end_all};
use crate::{
    audit::record::Record,
    error::Result,
    places::Closed,
    storage::{TurnRow, Tx, Within},
    telemetry::metric,
};

/// Holds the open turns of a space or a session: before anything else, since whoever writes for a turn holds it first and the
/// agent's head last.
pub async fn hold(tx: &mut Tx, within: Within) -> Result<()> {
    tx.turns().lock_open(within).await.map(drop)
}

/// Ends the open turns of a space or a session, with the agent's head in hand: those that are held, and those that were queued
/// before the head was taken. After it there are none, for a turn is queued behind the head. How many. The caller records it.
pub async fn cancel(tx: &mut Tx, within: Within, why: Closed) -> Result<usize> {
    // Nobody has one of these in hand but for a moment: had a worker come to the end of one, and waited for the head, one of the two
    // would be told to come again.
    let open = tx.turns().lock_open(within).await?;
    if open.is_empty() {
        return Ok(0);
    }
    let ended = end_all(tx, &open, TurnState::Skipped, why.as_str()).await?;
    metrics::counter!(metric::TURNS, "outcome" => "skipped").increment(ended as u64);
    let ids: Vec<Uuid> = open.iter().map(|turn| turn.id.0).collect();
    let lanes: BTreeSet<String> = open.iter().map(TurnRow::lane).collect();
    tx.jobs().drop_turns(&ids, &Vec::from_iter(lanes)).await?;
    Ok(ended)
}

/// What the record of an operation says of the turns that it ended.
#[must_use]
pub fn recorded(record: Record, ended: usize) -> Record {
    if ended == 0 {
        record
    } else {
        record.with("cancelled_turns", ended)
    }
}
