//! Somebody does not know the device that asks.

use super::{Pairing, PairingState, approve::open};
use crate::{audit::record::Record, error::Result, identity::Caller, storage::Tx};

/// Rejects the pairing of a user code: the device is told at its next poll.
pub async fn reject(tx: &mut Tx, caller: &Caller, code: &str) -> Result<Pairing> {
    let pairing = open(tx, code).await?;
    tx.pairings().reject(pairing.id, caller.user()).await?;
    tx.record(Record::of("reject_pairing").on("pairing", pairing.id.0));
    Ok(Pairing {
        state: PairingState::Rejected,
        ..pairing
    })
}
