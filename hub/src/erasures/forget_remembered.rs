//! Forgetting what was remembered by grants that are taken back (DESIGN, law 9). What was said stays where it was said.

use super::{
    Target,
    forget::{Task, carry_out},
};
use crate::{
    error::{Error, Result},
    ids::ConsentId,
    storage::{Reach, Tx},
};

/// Forgets what was remembered by these grants, and what was to be, whosever it is: the unit of work sees everyone's things. Whoever
/// takes them back has written that down, so that from the agent's head on nothing is remembered by them.
pub async fn forget_remembered(tx: &mut Tx, withdrawal: ConsentId, grants: &[ConsentId]) -> Result<()> {
    let mut reach = remembered_by(tx, grants).await?;
    if reach == Reach::default() {
        tx.take_head().await?;
        reach = remembered_by(tx, grants).await?;
    }
    if reach == Reach::default() {
        return Ok(());
    }
    let task = Task {
        target: Target::Consent(withdrawal),
        audience: None,
        is_own: false,
    };
    carry_out(tx, task, reach).await?;
    if remembered_by(tx, grants).await? != Reach::default() {
        // It came while the first were looked up; the next try finds it with them.
        return Err(Error::Unavailable {
            what: "a memory that did not change meanwhile",
            source: None,
        });
    }
    Ok(())
}

async fn remembered_by(tx: &mut Tx, grants: &[ConsentId]) -> Result<Reach> {
    let mut reach = Reach::default();
    tx.erasures().add_remembered_by(&mut reach, grants).await?;
    Ok(reach)
}
