//! Reading what was forgotten, with its receipt: the audit log tells of it.

use super::Erasure;
use crate::{
    audit::{read::read as tell, record::Record},
    error::{Error, Result},
    hub::Hub,
    identity::Caller,
    ids::ErasureId,
};

/// One, as the caller may see it.
pub async fn read(hub: &Hub, caller: &Caller, id: ErasureId) -> Result<Erasure> {
    let mut tx = hub.db.begin(caller.tx_scope(), caller.actor()).await?;
    let found = tx.erasures().find(id).await?;
    let erasure = found.ok_or(Error::NotFound { what: "erasure" })?;
    let record = Record::of("read_receipt").on("erasure", id.0);
    tell(hub, tx, caller, record).await?;
    Ok(erasure)
}
