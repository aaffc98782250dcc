//! Somebody lets a device be used for what it says it can do, and could not when it was approved.

use super::{Device, MAX_CAPABILITIES, register::changed, rotate::live};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::DeviceId,
    storage::Tx,
};

/// Approves kinds that the device declares now. Approving twice is no error.
pub async fn approve_capabilities(tx: &mut Tx, id: DeviceId, kinds: &[String]) -> Result<Device> {
    if !(1..=MAX_CAPABILITIES).contains(&kinds.len()) {
        let detail = format!("must be 1 to {MAX_CAPABILITIES} kinds");
        return Err(Error::invalid("/kinds", detail));
    }
    let device = live(tx, id).await?;
    for (at, kind) in kinds.iter().enumerate() {
        let declared = device.capabilities.iter().chain(&device.waiting_capabilities);
        if !declared
            .map(|capability| &capability.kind)
            .any(|known| known == kind)
        {
            let detail = "is not a kind that the device declares";
            return Err(Error::invalid(format!("/kinds/{at}"), detail));
        }
    }
    if kinds.iter().all(|kind| device.can(kind)) {
        return Ok(device);
    }
    tx.devices().approve_kinds(id, kinds).await?;
    tx.append(changed(&device, "capabilities_approved"));
    tx.record(
        Record::of("approve_capabilities")
            .on("device", id.0)
            .with("kinds", kinds),
    );
    let device = tx.devices().find(id).await?;
    device.ok_or(Error::NotFound { what: "device" })
}
