//! Whose words a transcript holds: the one person who is called what its device says. It widens neither trust nor audience; who is a
//! guest, left or is blocked is believed no further than by their login, whichever room hears them.

use std::collections::HashMap;

use super::named;
use crate::{
    error::Result,
    identity::{Caller, Principal, Trust},
    ids::PersonId,
    storage::Tx,
};

/// Whose words something holds, and how far they may be believed at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker {
    /// They.
    pub person: PersonId,
    /// As far as they are.
    pub most_trust: Trust,
}

/// How far the caller may be believed: a device of somebody's own no further than they are.
pub async fn trust_of(tx: &mut Tx, caller: &Caller) -> Result<Trust> {
    let trust = caller.trust();
    let (Principal::Device { .. }, Some(person)) = (&caller.principal, caller.person()) else {
        return Ok(trust);
    };
    let belonging = tx.people().belonging(person).await?;
    Ok(belonging.map_or(trust, |belonging| belonging.most_trust().min(trust)))
}

/// The people whom these participants are, by what they were called. Nobody is taken at the word of a device that is believed less
/// than the household.
pub async fn attribute(
    tx: &mut Tx,
    caller: &Caller,
    participants: &[String],
) -> Result<HashMap<String, Speaker>> {
    let is_believed = matches!(
        &caller.principal,
        Principal::Device { default_trust, .. } if *default_trust >= Trust::Household
    );
    if participants.is_empty() || !is_believed {
        return Ok(HashMap::new());
    }
    let people = tx.people().known().await?;
    let found: HashMap<&String, PersonId> = participants
        .iter()
        .filter_map(|called| Some((called, named(&people, called)?)))
        .collect();
    let ids: Vec<PersonId> = found.values().copied().collect();
    let belongings = tx.people().belongings(&ids).await?;
    let speaker = |(called, person): (&String, PersonId)| {
        let most_trust = belongings.get(&person)?.most_trust();
        Some((called.clone(), Speaker { person, most_trust }))
    };
    Ok(found.into_iter().filter_map(speaker).collect())
}
