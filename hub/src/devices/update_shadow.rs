//! Somebody says what a device should be like.

use serde_json::{Value, json};

use super::shadow::{Document, Shadow, check, is_same_document, merge};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    ids::DeviceId,
    secret::random_bytes,
    storage::{Ring, Tx},
};

/// The pointer to the patch in what was sent.
const AT: &str = "/desired";

/// Applies a merge patch to what is desired of a device, if that has the expected version. A patch that changes nothing is no
/// error, and no new version.
pub async fn update_shadow(tx: &mut Tx, id: DeviceId, expected: i64, patch: &Document) -> Result<Shadow> {
    if expected < 0 {
        return Err(Error::invalid("/expected_version", "must be at least 0"));
    }
    check(patch, AT)?;
    let device = tx.devices().find(id).await?;
    let device = device.filter(|device| device.is_open_to(tx.person()));
    let device = device.ok_or(Error::NotFound { what: "device" })?;
    if device.revoked_at.is_some() {
        return Err(Error::conflict("device_revoked", "the device was revoked"));
    }
    if !device.hears() {
        let detail = "the device may not receive what is desired of it: it lacks the scope commands:receive";
        return Err(Error::conflict("device_cannot", detail));
    }
    let mut shadow = tx.shadows().lock(&device).await?;
    if shadow.desired.version != expected {
        return Err(Error::Outdated {
            version: shadow.desired.version,
        });
    }
    let merged = merge(shadow.desired.state.clone(), patch);
    if is_same_document(&merged, &shadow.desired.state) {
        return Ok(shadow);
    }
    // What is kept has the bounds of what is sent: many small patches do not add up to more.
    check(&merged, AT)?;
    shadow.desired.state = merged;
    shadow.desired.version += 1;
    shadow.desired.changed_at = Some(tx.now());
    let shadow = Shadow::of(id, shadow.desired, shadow.reported);
    let salt = random_bytes();
    tx.shadows().set_desired(&shadow, &salt).await?;
    tell(tx, &shadow, device.place(), &salt);
    tx.ring(Ring::Device(id));
    Ok(shadow)
}

fn tell(tx: &mut Tx, shadow: &Shadow, place: Place, salt: &[u8; 32]) {
    let (id, desired) = (shadow.device_id, &shadow.desired);
    let said = json!({"device_id": id, "version": desired.version, "is_in_sync": shadow.is_in_sync()});
    tx.append(NewEvent::by_hub(EventKind::DeviceDesiredChanged, place, said));
    tx.record(
        Record::of("update_shadow")
            .on("device", id.0)
            .with("version", desired.version)
            .commits("desired", id.0, salt, &Value::Object(desired.state.clone())),
    );
}
