//! Turns that are not wanted any more end at once: those that wait, whatever for, and those that run. What they have said so far is
//! taken back, and whoever follows them is told once that they were skipped.

use uuid::Uuid;

use super::{TurnState, fail::end};
use crate::{
    audit::record::Record,
    error::Result,
    places::Closed,
    storage::{TurnRow, Tx, Within},
    telemetry::metric,
};

/// Turns that are ended at once. More than that wait only after a long outage of the model; a worker that comes to one of them asks
/// the gate first and ends it then.
const MOST: i64 = 500;

/// Holds the open turns of a space or a session: before anything else, since whoever writes for a turn holds it first and the
/// agent's head last.
pub async fn hold(tx: &mut Tx, within: Within) -> Result<Vec<TurnRow>> {
    tx.turns().lock_open(within, MOST).await
}

/// Ends turns that are held. The caller records the operation after it.
pub async fn cancel(tx: &mut Tx, held: &[TurnRow], why: Closed) -> Result<()> {
    for turn in held {
        if end(tx, turn, TurnState::Skipped, why.as_str()).await? {
            metrics::counter!(metric::TURNS, "outcome" => "skipped").increment(1);
        }
    }
    if held.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = held.iter().map(|turn| turn.id.0).collect();
    let lanes: Vec<String> = held.iter().map(TurnRow::lane).collect();
    tx.jobs().drop_turns(&ids, &lanes).await
}

/// What the record of an operation says of the turns that it ended.
#[must_use]
pub fn recorded(record: Record, held: &[TurnRow]) -> Record {
    if held.is_empty() {
        record
    } else {
        record.with("cancelled_turns", held.len())
    }
}
