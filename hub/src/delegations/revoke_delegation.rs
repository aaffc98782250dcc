//! Revoking a delegation: it and all below it are refused from the commit on, and what watches with them ends within a second.

use crate::{
    audit::record::Record,
    error::{Error, Result},
    identity::Caller,
    ids::DelegationId,
    storage::Tx,
};

/// Revokes a delegation of the agent, with all that were made by it; by a delegate, one below its own. Revoking twice is no error.
pub async fn revoke_delegation(tx: &mut Tx, caller: &Caller, id: DelegationId) -> Result<()> {
    let own = caller.delegation();
    let found = tx.delegations().find(own, id).await?;
    if found.is_none() || own == Some(id) {
        return Err(Error::NotFound { what: "delegation" });
    }
    let ended = tx.delegations().revoke(&[id]).await?;
    if ended > 0 {
        let record = Record::of("revoke_delegation").on("delegation", id.0);
        tx.record(record.with("ended", ended));
    }
    Ok(())
}
