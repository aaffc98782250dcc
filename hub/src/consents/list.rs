//! Reading somebody's history, with what was written down as evidence: the audit log tells of it.

use super::{
    Consent, ConsentPurpose,
    whose::{Whose, seen},
};
use crate::{
    audit::{read::read, record::Record},
    error::Result,
    hub::Hub,
    identity::Caller,
    page::PageRequest,
};

/// A page of the history, newest first.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    whose: Whose,
    purpose: Option<ConsentPurpose>,
    page: PageRequest,
) -> Result<Vec<Consent>> {
    let mut tx = hub.db.begin(caller.tx_scope(), caller.actor()).await?;
    let person = seen(&mut tx, caller, whose).await?;
    let consents = tx.consents().list(person, purpose, page).await?;
    let record = Record::of("read_consents").on("person", person.0);
    read(hub, tx, caller, record).await?;
    Ok(consents)
}
