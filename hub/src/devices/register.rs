//! Making a device with its credential, which is shown once.

use secrecy::SecretString;
use serde_json::json;

use super::{Device, SATELLITE_SCOPES};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place, payload::check_name},
    identity::{Scope, Trust, credentials::DEVICE_PREFIX},
    ids::{DeviceId, SpaceId, TokenId},
    secret,
    storage::Tx,
};

/// Characters of a device's name at most.
const MAX_NAME: usize = 100;

/// What a new device is.
#[derive(Debug)]
pub struct NewDevice {
    /// Unique among the agent's live devices, whatever the case.
    pub name: String,
    /// Where it is.
    pub space: SpaceId,
    /// The trust of what it sends when nobody is identified.
    pub default_trust: Trust,
}

/// Makes a device and its first credential. What it declares first is approved with it.
pub async fn register(tx: &mut Tx, new: NewDevice) -> Result<(Device, SecretString)> {
    let device = enrol(tx, new, &SATELLITE_SCOPES, None).await?;
    let token = secret::mint(DEVICE_PREFIX);
    tx.identity()
        .insert_device_token(TokenId::mint(), device.id, &secret::hash(&token))
        .await?;
    tx.record(
        Record::of("register_device")
            .on("device", device.id.0)
            .with("scopes", device.scopes.clone()),
    );
    Ok((device, token))
}

/// Makes a device without a credential. The kinds are what it may be used for; none: what it declares first.
pub async fn enrol(
    tx: &mut Tx,
    new: NewDevice,
    scopes: &[Scope],
    approved_kinds: Option<Vec<String>>,
) -> Result<Device> {
    check_name(&new.name, MAX_NAME).map_err(|detail| Error::invalid("/name", detail))?;
    if tx.places().space(new.space).await?.is_none() {
        return Err(Error::invalid("/space_id", "is not a space of this agent"));
    }
    let device = Device {
        id: DeviceId::mint(),
        space_id: new.space,
        person_id: None,
        name: new.name.trim().to_owned(),
        capabilities: Vec::new(),
        waiting_capabilities: Vec::new(),
        scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        default_trust: new.default_trust,
        software: None,
        is_connected: false,
        connected_at: None,
        last_seen_at: None,
        created_at: tx.now(),
        revoked_at: None,
    };
    if !tx.devices().insert(&device, approved_kinds.as_deref()).await? {
        return Err(Error::conflict("name_taken", "another device has this name"));
    }
    tx.append(changed(&device, "registered"));
    Ok(device)
}

/// The event that says what became of a device.
pub(super) fn changed(device: &Device, state: &str) -> NewEvent {
    // The household knows all devices by name, somebody's own too.
    let place = Place {
        audience: None,
        ..device.place()
    };
    let said = json!({"device_id": device.id, "name": device.name, "state": state});
    NewEvent::by_hub(EventKind::DeviceChanged, place, said)
}
