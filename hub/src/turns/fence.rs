//! What a turn has read must be the agent's to use for as long as the turn thinks: not forgotten, from nowhere that has gone
//! private, and of nobody who does not want to be known there any more.
//!
//! It is written down before the turn thinks, and then looked at once more behind the agent's head, which whoever forgets takes before
//! they look who has read it. So either they find the turn and have it think again, or the turn finds out itself.

use std::collections::HashSet;

use uuid::Uuid;

use crate::{
    error::Result,
    places::gate::{usable_memories, usable_sessions},
    storage::Tx,
    turns::{Read, present::are_known},
};

/// Whether all of it may still be used.
pub async fn stands(tx: &mut Tx, read: &Read) -> Result<bool> {
    if tx.erasures().is_any_gone(&read.events, &read.actions).await? {
        return Ok(false);
    }
    // What was forgotten is not among them, either.
    Ok(
        is_all(&read.memories, &usable_memories(tx, &read.memories).await?)
            && is_all(&read.sessions, &usable_sessions(tx, &read.sessions).await?)
            && are_known(tx, &read.known, &read.consents).await?,
    )
}

fn is_all(of: &[Uuid], found: &HashSet<Uuid>) -> bool {
    of.iter().all(|id| found.contains(id))
}
