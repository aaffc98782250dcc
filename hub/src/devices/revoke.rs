//! Revoking a device: its credentials die with it and its sockets close within a second.

use super::{Device, register::changed};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::DeviceId,
    storage::{Ring, Tx},
};

/// Revokes a device. Revoking twice is no error.
pub async fn revoke(tx: &mut Tx, id: DeviceId) -> Result<()> {
    if let Some(device) = take_back(tx, id).await? {
        tell(tx, &device);
    }
    Ok(())
}

/// What it could do is taken back; none where that was before. Before the agent's head row is taken: whoever works for the device holds
/// its row first.
pub async fn take_back(tx: &mut Tx, id: DeviceId) -> Result<Option<Device>> {
    let device = tx
        .devices()
        .find(id)
        .await?
        .ok_or(Error::NotFound { what: "device" })?;
    if !tx.devices().revoke(id).await? {
        return Ok(None);
    }
    tx.identity().revoke_device_tokens(id).await?;
    // It never comes back, and what it said of itself serves nobody.
    tx.shadows().remove(id).await?;
    Ok(Some(device))
}

/// Says so, in the log and in the audit log.
pub fn tell(tx: &mut Tx, device: &Device) {
    tx.append(changed(device, "revoked"));
    tx.record(Record::of("revoke_device").on("device", device.id.0));
    tx.ring(Ring::Device(device.id));
}
