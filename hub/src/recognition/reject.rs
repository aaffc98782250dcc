//! Saying that it is not them. They are not suggested again by the same modality in that space for a while, whichever of their prints
//! was near.

use super::{Hypothesis, HypothesisState, confirm::concerning, tell};
use crate::{audit::record::Record, error::Result, identity::Caller, ids::HypothesisId, storage::Tx};

/// Rejects it, also one that was confirmed: then they are not there, and were not, as far as nothing else says so. Again changes
/// nothing.
pub async fn reject(tx: &mut Tx, caller: &Caller, id: HypothesisId) -> Result<Hypothesis> {
    tx.take_head().await?;
    let hypothesis = concerning(tx, caller, id).await?;
    let state = HypothesisState::Rejected;
    if hypothesis.state == state {
        return Ok(hypothesis);
    }
    // First, as whoever removes what is old takes it: then what hangs on it.
    let by = caller.user();
    tx.recognition().decide_hypothesis(id, state, by).await?;
    let (person, gone) = (hypothesis.person_id, [id.0]);
    let ended = tx.recognition().unsettle(person, &gone).await?;
    tell::gone(tx, &ended).await?;
    // It was somebody else, of whom nothing is to be kept.
    tx.recognition().delete_observations(id).await?;
    tx.recognition().unsettle_past(person, &gone).await?;
    tell::hypothesis(tx, id, state).await?;
    tx.record(
        Record::of("reject_hypothesis")
            .on("hypothesis", id.0)
            .with("modality", hypothesis.modality.as_str()),
    );
    Ok(Hypothesis {
        state,
        decided_at: Some(tx.now()),
        decided_by_user_id: by,
        ..hypothesis
    })
}
