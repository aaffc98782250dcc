//! Asking at each use whether a person allows it, as it is at that moment.

use super::{ConsentPurpose, Standing, Use, standing};
use crate::{error::Result, ids::PersonId, storage::Tx};

/// Whether a person allows something. In order with the log only after the agent's head row was taken.
pub async fn check(tx: &mut Tx, person: PersonId, purpose: ConsentPurpose, of: &Use) -> Result<Standing> {
    let history = tx.consents().history(person, purpose).await?;
    Ok(standing(purpose, &history, of))
}
