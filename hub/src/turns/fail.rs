//! A turn that came to nothing says so: in its row, in the log, and to whoever waits for it.

use serde_json::json;

use super::{TurnState, frame::FrameKind};
use crate::{
    audit::record::Record,
    error::Result,
    events::{EventKind, NewEvent, Place},
    ids::TurnId,
    storage::{Ring, TurnRow, Tx},
    telemetry::metric,
};

/// Ends a turn without a plan, in the unit of work that ends its job; false when it had ended.
pub async fn end(tx: &mut Tx, turn: &TurnRow, state: TurnState, reason: &str) -> Result<bool> {
    let ended = end_all(tx, std::slice::from_ref(turn), state, reason).await?;
    Ok(ended == 1)
}

/// The same of many, however many these are: nobody else gets into the agent's log meanwhile. How many had not ended.
pub async fn end_all(tx: &mut Tx, turns: &[TurnRow], state: TurnState, reason: &str) -> Result<usize> {
    let ids: Vec<TurnId> = turns.iter().map(|turn| turn.id).collect();
    let ended = tx.turns().end(&ids, state, reason).await?;
    if ended.is_empty() {
        return Ok(0);
    }
    let kind = if state == TurnState::Dead {
        FrameKind::Dead
    } else {
        FrameKind::Skipped
    };
    tx.turn_stream().end(&ended, kind).await?;
    for turn in turns.iter().filter(|turn| ended.contains(&turn.id)) {
        tell(tx, turn, state, reason);
    }
    Ok(ended.len())
}

fn tell(tx: &mut Tx, turn: &TurnRow, state: TurnState, reason: &str) {
    let place = Place {
        session: Some(turn.session),
        audience: turn.audience,
        ..Place::in_space(turn.space)
    };
    let said = json!({"turn_id": turn.id, "state": state, "reason": reason});
    tx.append(NewEvent::by_hub(EventKind::TurnEnded, place, said));
    tx.ring(Ring::Turn(turn.id));
}

/// Gives a turn up, in the unit of work that buries its job.
pub async fn give_up(tx: &mut Tx, id: TurnId, reason: &str) -> Result<()> {
    if let Some(turn) = tx.turns().row(id).await? {
        end(tx, &turn, TurnState::Dead, reason).await?;
        tx.record(Record::of("give_up_turn").on("turn", id.0));
        metrics::counter!(metric::TURNS, "outcome" => "dead").increment(1);
    }
    Ok(())
}
