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
    let is_ended = tx.turns().end(turn.id, state, reason).await?;
    if is_ended {
        let place = Place {
            session: Some(turn.session),
            audience: turn.audience,
            ..Place::in_space(turn.space)
        };
        let said = json!({"turn_id": turn.id, "state": state, "reason": reason});
        tx.append(NewEvent::by_hub(EventKind::TurnEnded, place, said));
        let kind = if state == TurnState::Dead {
            FrameKind::Dead
        } else {
            FrameKind::Skipped
        };
        tx.turn_stream().add(turn.id, turn.audience, kind, None).await?;
        // What it said while it thought was never its answer.
        tx.turn_stream().take_back(turn.id).await?;
        tx.ring(Ring::Turn(turn.id));
    }
    Ok(is_ended)
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
