//! Forgetting what was remembered by grants that are taken back (DESIGN, law 9). What was said stays where it was said.

use super::{
    Target,
    forget::{Task, carry_out},
};
use crate::{
    error::Result,
    ids::ConsentId,
    storage::{Reach, Tx},
};

/// Forgets what was remembered by these grants, and what was to be, whosever it is: the unit of work sees everyone's things. Whoever
/// takes them back has written that down, so that from the agent's head on nothing is remembered by them.
pub async fn forget_remembered(tx: &mut Tx, withdrawal: ConsentId, grants: &[ConsentId]) -> Result<()> {
    if !is_any_left(tx, grants).await? {
        tx.take_head().await?;
        if !is_any_left(tx, grants).await? {
            return Ok(());
        }
    }
    let task = Task {
        target: Target::Consent(withdrawal),
        grants,
        audience: None,
        is_own: false,
    };
    carry_out(tx, task).await?;
    Ok(())
}

/// Whether anything was remembered by these grants, or is to be.
pub async fn is_any_left(tx: &mut Tx, grants: &[ConsentId]) -> Result<bool> {
    let mut reach = Reach::default();
    tx.erasures().add_remembered_by(&mut reach, grants).await?;
    Ok(reach != Reach::default())
}
