//! What is told of who may be there, and who is: ids of rows, which go; never about whom.

use serde_json::json;

use super::HypothesisState;
use crate::{
    error::Result,
    events::{EventKind, NewEvent, Place},
    ids::{HypothesisId, PresenceId},
    storage::Tx,
};

/// Says that there is a hypothesis, or that it was decided, and neither about whom nor where: nobody has said that it is right.
pub(super) async fn hypothesis(tx: &mut Tx, id: HypothesisId, state: HypothesisState) -> Result<()> {
    let place = Place::in_space(tx.places().elsewhere().await?);
    let said = json!({"hypothesis_id": id, "state": state});
    tx.append_unless_private(NewEvent::by_hub(EventKind::HypothesisChanged, place, said));
    Ok(())
}

/// Says that some are not there any more, and neither who nor where: beside it in the log stands whose consent ended.
pub(super) async fn gone(tx: &mut Tx, ended: &[PresenceId]) -> Result<()> {
    let place = Place::in_space(tx.places().elsewhere().await?);
    for id in ended {
        tx.append_unless_private(presence(place, *id, false));
    }
    Ok(())
}

/// Somebody came or went.
pub(super) fn presence(place: Place, id: PresenceId, is_present: bool) -> NewEvent {
    let said = json!({"presence_id": id, "is_present": is_present});
    NewEvent::by_hub(EventKind::PresenceChanged, place, said)
}
