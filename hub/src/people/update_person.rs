//! Changing what somebody is called, and what they are to the household.

use super::{Person, PersonChange, changed, check, merge_person::merged};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::PersonId,
    storage::Tx,
};

/// Changes it. Who was forgotten stays so.
pub async fn update_person(tx: &mut Tx, id: PersonId, change: PersonChange) -> Result<Person> {
    check(&change)?;
    // Before the head, as everywhere.
    let held = tx.people().held(&[id]).await?.pop();
    let held = held.ok_or(Error::NotFound { what: "person" })?;
    if let Some(now) = held.merged_into {
        return Err(merged(now));
    }
    tx.take_head().await?;
    let mut person = held.person;
    if person.forgotten_at.is_some() {
        return Err(Error::conflict("forgotten", "this person was forgotten"));
    }
    person.name = change.name.map(|name| name.trim().to_owned()).or(person.name);
    person.aliases = change.aliases.unwrap_or(person.aliases);
    person.relationship = change.relationship.or(person.relationship);
    person.updated_at = Some(tx.now());
    tx.people().update(&person).await?;
    let elsewhere = tx.places().elsewhere().await?;
    tx.append(changed(id, elsewhere));
    tx.record(Record::of("update_person").on("person", id.0));
    Ok(person)
}
