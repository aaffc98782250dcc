//! Forgetting what was remembered by grants that are taken back (DESIGN, law 9). What was said stays where it was said.

use super::{Erasure, Target, forget::carry_out};
use crate::{
    error::{Error, Result},
    ids::ConsentId,
    storage::{Reach, Tx},
};

/// Forgets what was remembered by these grants and the caller may see; none where nothing was. Whoever takes them back has written
/// that down, so that from the agent's head on nothing is remembered by them.
pub async fn forget_remembered(
    tx: &mut Tx,
    withdrawal: ConsentId,
    grants: &[ConsentId],
) -> Result<Option<Erasure>> {
    let mut found = tx.erasures().remembered_by(grants).await?;
    if found.memories.is_empty() {
        tx.take_head().await?;
        found = tx.erasures().remembered_by(grants).await?;
    }
    if found.memories.is_empty() {
        return Ok(None);
    }
    let reach = Reach {
        memories: found.memories,
        ..Reach::default()
    };
    let erasure = carry_out(tx, Target::Consent(withdrawal), found.audience, reach).await?;
    if !tx.erasures().remembered_by(grants).await?.memories.is_empty() {
        // It came while the first were looked up; the next try finds it with them.
        return Err(Error::Unavailable {
            what: "a memory that did not change meanwhile",
            source: None,
        });
    }
    Ok(Some(erasure))
}
