//! Somebody lets a device that asks into their agent.

use super::{Pairing, find::PAIRING};
use crate::{
    audit::record::Record,
    devices::{
        DEVICE_SCOPES, Device, SATELLITE_SCOPES,
        register::{NewDevice, enrol},
    },
    error::{Error, Result},
    identity::{Caller, Scope, Trust},
    ids::SpaceId,
    storage::Tx,
};

/// What the device is to be.
#[derive(Debug)]
pub struct Approval {
    /// What people call it.
    pub name: String,
    /// Where it is.
    pub space: SpaceId,
    /// The trust of what it sends when nobody is identified.
    pub default_trust: Trust,
    /// What it may do; none: send events, receive commands, and report its state. Never what it asked for by itself.
    pub scopes: Option<Vec<String>>,
    /// Of the kinds it asked with, those it may be used for; none: all of them.
    pub capabilities: Option<Vec<String>>,
}

/// Approves the pairing of a user code: the device is made, and may come for its credential.
pub async fn approve(tx: &mut Tx, caller: &Caller, code: &str, approval: Approval) -> Result<Device> {
    let scopes = scopes(approval.scopes.as_deref())?;
    let pairing = open(tx, code).await?;
    let kinds = kinds(&pairing, approval.capabilities)?;
    let new = NewDevice {
        name: approval.name,
        space: approval.space,
        default_trust: approval.default_trust,
    };
    let device = enrol(tx, new, &scopes, Some(kinds.clone())).await?;
    let user = caller.user();
    tx.pairings().approve(pairing.id, user, device.id).await?;
    tx.record(
        Record::of("approve_pairing")
            .on("pairing", pairing.id.0)
            .with("device_id", device.id.to_string())
            .with("scopes", device.scopes.clone())
            .with("kinds", kinds)
            .with("default_trust", device.default_trust.as_str())
            .with("space_id", device.space_id.to_string()),
    );
    Ok(device)
}

/// The pairing of a code, held until the end of this unit of work: of two who decide at once, one does.
pub(super) async fn open(tx: &mut Tx, code: &str) -> Result<Pairing> {
    let now = tx.now();
    let found = tx.pairings().lock(code).await?;
    found
        .filter(|pairing| pairing.is_open(now))
        .ok_or(Error::NotFound { what: PAIRING })
}

fn scopes(wanted: Option<&[String]>) -> Result<Vec<Scope>> {
    let Some(wanted) = wanted else {
        return Ok(SATELLITE_SCOPES.to_vec());
    };
    let mut scopes = Vec::new();
    for (at, word) in wanted.iter().enumerate() {
        let scope = Scope::parse(word).filter(|scope| DEVICE_SCOPES.contains(scope));
        let scope = scope
            .ok_or_else(|| Error::invalid(format!("/scopes/{at}"), "is no scope that a device can have"))?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.iter().any(|scope| SATELLITE_SCOPES.contains(scope)) {
        return Ok(scopes);
    }
    let detail = "must hold events:write, commands:receive or state:write: without one of them a device cannot connect";
    Err(Error::invalid("/scopes", detail))
}

fn kinds(pairing: &Pairing, wanted: Option<Vec<String>>) -> Result<Vec<String>> {
    let Some(wanted) = wanted else {
        return Ok(pairing.asked.capabilities.clone());
    };
    // Each once: so there are no more than the device asked with, and all of them fit into the record.
    let mut kinds = Vec::new();
    for (at, kind) in wanted.into_iter().enumerate() {
        if !pairing.asked.capabilities.contains(&kind) {
            let detail = "is not a kind that the device asked with";
            return Err(Error::invalid(format!("/capabilities/{at}"), detail));
        }
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}
