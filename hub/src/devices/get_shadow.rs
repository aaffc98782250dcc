//! Somebody looks at the shadow of a device.

use super::shadow::{Desired, Reported, Shadow};
use crate::{
    error::{Error, Result},
    ids::DeviceId,
    storage::Tx,
};

/// The shadow of a device, empty when nobody has said anything. That of a personal device is its person's: others find none.
pub async fn get_shadow(tx: &mut Tx, id: DeviceId) -> Result<Shadow> {
    let device = tx.devices().find(id).await?;
    if !device.is_some_and(|device| device.is_open_to(tx.person())) {
        return Err(Error::NotFound { what: "device" });
    }
    let found = tx.shadows().find(id).await?;
    Ok(found.unwrap_or_else(|| Shadow::of(id, Desired::default(), Reported::default())))
}
