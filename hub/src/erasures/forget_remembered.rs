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

/// Forgets what was remembered by these grants, whosever it is: the unit of work sees everyone's things. Whoever takes them back has
/// written that down, so that from the agent's head on nothing is remembered by them.
pub async fn forget_remembered(tx: &mut Tx, withdrawal: ConsentId, grants: &[ConsentId]) -> Result<()> {
    let mut found = tx.erasures().remembered_by(grants).await?;
    if found.is_empty() {
        tx.take_head().await?;
        found = tx.erasures().remembered_by(grants).await?;
    }
    if found.is_empty() {
        return Ok(());
    }
    let reach = Reach {
        memories: found,
        ..Reach::default()
    };
    let task = Task {
        target: Target::Consent(withdrawal),
        audience: None,
        is_own: false,
    };
    carry_out(tx, task, reach).await?;
    if !tx.erasures().remembered_by(grants).await?.is_empty() {
        // It came while the first were looked up; the next try finds it with them.
        return Err(Error::Unavailable {
            what: "a memory that did not change meanwhile",
            source: None,
        });
    }
    Ok(())
}
