//! Making somebody known to the agent.

use super::{Person, PersonChange, changed, check, make_sure_it_is_free};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::PersonId,
    storage::Tx,
};

/// People of an agent at most: a household and whom it knows.
const MOST: i64 = 1_000;

/// Makes somebody known.
pub async fn create_person(tx: &mut Tx, new: PersonChange) -> Result<Person> {
    check(&new)?;
    let name = new.name.ok_or_else(|| Error::invalid("/name", "is missing"))?;
    tx.take_head().await?;
    if tx.people().count().await? >= MOST {
        let detail = format!("the agent knows {MOST} people, and no more can be kept");
        return Err(Error::conflict("too_many", detail));
    }
    let person = Person {
        id: PersonId::mint(),
        name: Some(name.trim().to_owned()),
        aliases: new.aliases.unwrap_or_default(),
        relationship: new.relationship,
        user_id: None,
        created_at: tx.now(),
        updated_at: None,
        forgotten_at: None,
    };
    let known = tx.people().known().await?;
    make_sure_it_is_free(&known, person.id, person.name.iter().chain(&person.aliases))?;
    tx.people().insert(&person).await?;
    let elsewhere = tx.places().elsewhere().await?;
    tx.append(changed(person.id, elsewhere));
    tx.record(Record::of("create_person").on("person", person.id.0));
    Ok(person)
}
