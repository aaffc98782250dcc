//! A device renews its own credential, on its socket.

use super::{
    Socket,
    connect::{REVOKED, hold, revoked},
    rotate::{Fresh, OVERLAP, replace},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    ids::TokenId,
    storage::Tx,
};

/// Gives the device of a socket a credential like the one it came with. That one lives on for a while: when the answer is
/// lost, the device comes back with it and renews again. One that a person replaced renews nothing.
pub async fn renew(tx: &mut Tx, socket: Socket, token: TokenId) -> Result<Fresh> {
    // The device's row before its connection's, as a hello takes them.
    let held = tx.devices().lock_live(socket.device).await?;
    held.ok_or_else(revoked)?;
    hold(tx, socket).await?;
    if !tx.identity().is_credential_alive(token).await? {
        return Err(Error::conflict(REVOKED, "the credential has ended"));
    }
    // It would undo what a person did: their new credential would end, and who has the old one would go on.
    if tx.identity().is_credential_replaced(token).await? {
        let detail = "a person replaced this credential, and it ends: go on with the one that they have";
        return Err(Error::conflict("credential_replaced", detail));
    }
    let fresh = replace(tx, socket.device, Some(token), OVERLAP).await?;
    tx.record(
        Record::of("renew_credential")
            .on("device", socket.device.0)
            .with("overlap_s", OVERLAP.num_seconds()),
    );
    Ok(fresh)
}
