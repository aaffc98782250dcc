//! Revoking a device: its credentials die with it and its sockets close within a second.

use super::register::changed;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::DeviceId,
    storage::{Ring, Tx},
};

/// Revokes a device. Revoking twice is no error.
pub async fn revoke(tx: &mut Tx, id: DeviceId) -> Result<()> {
    let device = tx
        .devices()
        .find(id)
        .await?
        .ok_or(Error::NotFound { what: "device" })?;
    if !tx.devices().revoke(id).await? {
        return Ok(());
    }
    tx.identity().revoke_device_tokens(id).await?;
    // It never comes back, and what it said of itself serves nobody.
    tx.shadows().remove(id).await?;
    tx.append(changed(&device, "revoked"));
    tx.record(Record::of("revoke_device").on("device", id.0));
    tx.ring(Ring::Device(id));
    Ok(())
}
