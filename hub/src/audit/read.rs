//! Reading what says who allowed what, and what was forgotten, stands in the audit log like a change: before it is answered.

use super::{reads::Reading, record::Record};
use crate::{error::Result, hub::Hub, identity::Caller, storage::Tx};

/// Has the log tell of a read, and ends its unit of work.
pub async fn read(hub: &Hub, mut tx: Tx, caller: &Caller, record: Record) -> Result<()> {
    let Some(id) = record.resource_id() else {
        return Err(crate::error::Error::internal("a read of nothing"));
    };
    let now = tx.now();
    let reading = Reading {
        agent: caller.agent,
        who: caller.own_key(),
        operation: record.operation,
        id,
    };
    if hub.reads.is_told(&reading, now) {
        return Ok(());
    }
    tx.record(record);
    tx.commit().await?;
    hub.reads.told(reading, now);
    Ok(())
}
