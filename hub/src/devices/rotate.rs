//! A device gets a new credential, and its old ones end a little later.

use chrono::Duration;
use secrecy::SecretString;

use super::{Device, register::changed};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::{Error, Result},
    identity::credentials::DEVICE_PREFIX,
    ids::{DeviceId, TokenId},
    secret,
    storage::{Ring, Tx},
};

/// How long the old credentials live on, if nobody says: a person carries the new one to the device.
pub const OVERLAP: Duration = Duration::minutes(10);
/// The longest that somebody may say. None at all is for a credential that was stolen.
pub const LONGEST_OVERLAP: Duration = Duration::days(1);
/// Credentials of one device that live at once at most.
const MOST_LIVE: i64 = 4;

/// A new credential.
#[derive(Debug)]
pub struct Fresh {
    /// Its id.
    pub id: TokenId,
    /// Shown once.
    pub token: SecretString,
    /// When the others end.
    pub others_end_at: DateTime,
}

/// Gives a device a new credential. A revoked one gets none.
pub async fn rotate(tx: &mut Tx, id: DeviceId, overlap: Duration) -> Result<(Device, Fresh)> {
    if !(Duration::zero()..=LONGEST_OVERLAP).contains(&overlap) {
        let detail = format!("must be between 0 and {}", LONGEST_OVERLAP.num_seconds());
        return Err(Error::invalid("/overlap_s", detail));
    }
    let device = live(tx, id).await?;
    let fresh = replace(tx, id, None, overlap).await?;
    tx.append(changed(&device, "credential_rotated"));
    tx.record(
        Record::of("rotate_device")
            .on("device", id.0)
            .with("overlap_s", overlap.num_seconds()),
    );
    // Where the old ones end at once, so do their sockets.
    tx.ring(Ring::Device(id));
    Ok((device, fresh))
}

/// A device that is not revoked, held so that it is not meanwhile: no credential comes to life after that.
pub(super) async fn live(tx: &mut Tx, id: DeviceId) -> Result<Device> {
    if let Some(device) = tx.devices().lock_live(id).await? {
        return Ok(device);
    }
    match tx.devices().find(id).await? {
        Some(_) => Err(Error::conflict("device_revoked", "the device was revoked")),
        None => Err(Error::NotFound { what: "device" }),
    }
}

/// Ends the credentials that the device has after the overlap, and makes another: with the scopes of one of them, or the
/// device's, which is when a person replaces them, for good. The device's row is held.
pub(super) async fn replace(
    tx: &mut Tx,
    device: DeviceId,
    like: Option<TokenId>,
    overlap: Duration,
) -> Result<Fresh> {
    let others_end_at = tx.now() + overlap;
    if overlap.is_zero() {
        // Not by an end that is now: who began before and waits for the device's row has an earlier now, and sees them alive.
        tx.identity().revoke_device_tokens(device).await?;
    } else if like.is_some() {
        tx.identity().end_device_tokens(device, others_end_at).await?;
    } else {
        tx.identity().replace_device_tokens(device, others_end_at).await?;
    }
    if tx.identity().live_device_tokens(device).await? >= MOST_LIVE {
        let detail = format!("the device has {MOST_LIVE} credentials that live: wait until one ends");
        return Err(Error::conflict("too_many_credentials", detail));
    }
    let (id, token) = (TokenId::mint(), secret::mint(DEVICE_PREFIX));
    let hash = secret::hash(&token);
    match like {
        Some(like) => tx.identity().insert_successor(id, like, &hash).await?,
        None => tx.identity().insert_device_token(id, device, &hash).await?,
    }
    Ok(Fresh {
        id,
        token,
        others_end_at,
    })
}
