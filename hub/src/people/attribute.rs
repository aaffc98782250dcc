//! Whose words a transcript holds: the one person who is called what its device says. It widens neither trust nor audience.

use std::collections::HashMap;

use super::named;
use crate::{
    error::Result,
    identity::{Caller, Principal, Trust},
    ids::PersonId,
    storage::Tx,
};

/// The people whom these participants are, by what they were called. Nobody is taken at the word of a device that is believed less
/// than the household.
pub async fn attribute(
    tx: &mut Tx,
    caller: &Caller,
    participants: &[String],
) -> Result<HashMap<String, PersonId>> {
    let is_believed = matches!(
        &caller.principal,
        Principal::Device { default_trust, .. } if *default_trust >= Trust::Household
    );
    if participants.is_empty() || !is_believed {
        return Ok(HashMap::new());
    }
    let people = tx.people().known().await?;
    let found = participants
        .iter()
        .filter_map(|called| Some((called.clone(), named(&people, called)?)));
    Ok(found.collect())
}
