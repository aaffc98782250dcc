//! Saying that it is them: by the person themself, or by whoever runs the household. Then they are present.

use super::{Hypothesis, HypothesisState, enrol::refused, tell};
use crate::{
    audit::record::Record,
    config::RecognitionConfig,
    error::{Error, Result},
    events::Place,
    identity::Caller,
    ids::{ConsentId, HypothesisId, UserId},
    places::{
        Closed,
        gate::{Answer, Matter, Purpose, ask},
    },
    storage::Tx,
};

/// Confirms it. Again changes nothing.
pub async fn confirm(
    tx: &mut Tx,
    rules: &RecognitionConfig,
    caller: &Caller,
    id: HypothesisId,
) -> Result<Hypothesis> {
    tx.take_head().await?;
    let hypothesis = concerning(tx, caller, id).await?;
    match hypothesis.state {
        HypothesisState::Confirmed => return Ok(hypothesis),
        HypothesisState::Rejected => return Err(Error::conflict("decided", "it was rejected before")),
        HypothesisState::Open => {}
    }
    if hypothesis.last_seen_at <= tx.now() - rules.presence() {
        let detail = "they were not seen for a while: it says nothing about who is there now";
        return Err(Error::conflict("too_late", detail));
    }
    // As it is now, not as it was when they were seen.
    let matter = Matter {
        device: hypothesis.device_id,
        person: Some(hypothesis.person_id),
        purpose: Purpose::Recognise(hypothesis.modality),
        ..Matter::kept_in(hypothesis.space_id)
    };
    let grant = match ask(tx, matter).await? {
        Answer::Open(Some(grant)) => grant,
        Answer::Open(None) => return Err(refused(Closed::NoConsent)),
        Answer::Closed(why) => return Err(refused(why)),
    };
    settle(tx, hypothesis, caller.user(), grant).await
}

/// A hypothesis about which the caller may say something: about themself, or as whoever runs the household.
pub(super) async fn concerning(tx: &mut Tx, caller: &Caller, id: HypothesisId) -> Result<Hypothesis> {
    let found = tx.recognition().hypothesis(id).await?;
    let found = found
        .filter(|found| caller.speaks_for(found.person_id))
        .ok_or(Error::NotFound { what: "hypothesis" })?;
    Ok(found.as_seen_by(caller))
}

/// Has the person be there: by somebody's word, or by the hub's own where the score is enough for that. The gate was asked, with the
/// head row in hand.
pub(super) async fn settle(
    tx: &mut Tx,
    hypothesis: Hypothesis,
    by: Option<UserId>,
    grant: ConsentId,
) -> Result<Hypothesis> {
    let state = HypothesisState::Confirmed;
    tx.recognition()
        .decide_hypothesis(hypothesis.id, state, by)
        .await?;
    let (presence, is_new) = tx.recognition().arrive(&hypothesis, grant).await?;
    tell::hypothesis(tx, hypothesis.id, state).await?;
    if is_new {
        let place = Place::in_space(hypothesis.space_id);
        tx.append_unless_private(tell::presence(place, presence, true));
    }
    tx.record(
        Record::of("confirm_hypothesis")
            .on("hypothesis", hypothesis.id.0)
            .with("modality", hypothesis.modality.as_str())
            .with("by", if by.is_some() { "a_person" } else { "its_score" }),
    );
    Ok(Hypothesis {
        state,
        decided_at: Some(tx.now()),
        decided_by_user_id: by,
        ..hypothesis
    })
}
