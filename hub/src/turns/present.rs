//! Who is known to be where a turn is, as they allow at this moment. Those are told who speak for the household, in a room; elsewhere
//! is anywhere, and a guest is told nothing of the others.

use uuid::Uuid;

use super::context::{MOST_PRESENT, Present};
use crate::{
    config::RecognitionConfig,
    error::Result,
    identity::Trust,
    ids::ConsentId,
    page::PageRequest,
    places::gate::{Answer, Matter, Purpose, ask},
    recognition::Presence,
    storage::{TurnRow, Tx},
};

/// They, for inputs that are believed so far.
pub async fn present(
    tx: &mut Tx,
    rules: &RecognitionConfig,
    turn: &TurnRow,
    inputs: Trust,
) -> Result<Vec<Present>> {
    if inputs <= Trust::Guest || turn.space == tx.places().elsewhere().await? {
        return Ok(Vec::new());
    }
    let page = PageRequest {
        after: None,
        limit: MOST_PRESENT,
    };
    let seen_since = tx.now() - rules.presence();
    let there = tx
        .recognition()
        .present(Some(turn.space), seen_since, page)
        .await?;
    let mut told = Vec::new();
    for known in there.into_iter().take(MOST_PRESENT as usize) {
        if let Some((name, grant)) = name_as_known(tx, &known).await? {
            told.push(Present { known, name, grant });
        }
    }
    Ok(told)
}

/// Whether all of them may still be known by what they were, by these grants, and are who they were: somebody who was forgotten, or
/// merged into another, has no name any more. By another grant is not enough: what is remembered goes with the one that is written
/// down.
pub async fn are_known(tx: &mut Tx, known: &[Presence], grants: &[Uuid]) -> Result<bool> {
    for one in known {
        let by = name_as_known(tx, one).await?.map(|(_, grant)| grant);
        if by.is_none_or(|grant| grant.is_some_and(|id| !grants.contains(&id.0))) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How somebody is called, and the grant by which it may be told.
async fn name_as_known(tx: &mut Tx, known: &Presence) -> Result<Option<(String, Option<ConsentId>)>> {
    let matter = Matter {
        device: known.device_id,
        person: Some(known.person_id),
        purpose: Purpose::Recognise(known.modality),
        ..Matter::kept_in(known.space_id)
    };
    let Answer::Open(grant) = ask(tx, matter).await? else {
        return Ok(None);
    };
    let person = tx.people().find(known.person_id).await?;
    Ok(person.and_then(|person| Some((person.name?, grant))))
}
