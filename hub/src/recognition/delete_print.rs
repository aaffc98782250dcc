//! Deleting a print, one's own or as whoever runs the household anybody's, with all that was recognised by its modality.

use super::{
    erase::{Erased, seal},
    tell,
};
use crate::{
    audit::record::Record,
    consents::whose::{Whose, seen},
    error::{Error, Result},
    identity::Caller,
    ids::PrintId,
    storage::Tx,
};

/// Deletes it.
pub async fn delete_print(tx: &mut Tx, caller: &Caller, whose: Whose, id: PrintId) -> Result<()> {
    tx.take_head().await?;
    let person = seen(tx, caller, whose).await?;
    let found = tx.recognition().find_print(person, id).await?;
    let print = found.ok_or(Error::NotFound { what: "print" })?;
    let (sightings, ended) = tx
        .recognition()
        .erase_sightings(person, Some(print.modality))
        .await?;
    tx.recognition().delete_print(person, id).await?;
    tell::gone(tx, &ended).await?;
    let erased = Erased { prints: 1, sightings };
    let record = Record::of("delete_print")
        .on("print", id.0)
        .with("person_id", person.to_string());
    let record = seal(tx, record, print.consent_id, person, erased).await?;
    tx.record(record);
    Ok(())
}
