//! Somebody is not there any more: they, or whoever runs the household, say so; or the space goes private.

use super::{Presence, PresenceEnd, tell};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::{Error, Result},
    events::Place,
    identity::Caller,
    ids::{PresenceId, SpaceId},
    storage::Tx,
};

/// Ends presence: one's own, or as whoever runs the household anybody's.
pub async fn remove(tx: &mut Tx, caller: &Caller, id: PresenceId) -> Result<()> {
    tx.take_head().await?;
    let found = tx.recognition().presence(id).await?;
    let there = found
        .filter(|there| caller.speaks_for(there.person_id))
        .ok_or(Error::NotFound { what: "presence" })?;
    end(tx, &there, tx.now(), PresenceEnd::Removed).await?;
    tx.record(Record::of("remove_presence").on("presence", id.0));
    Ok(())
}

/// Ends all presence in a space that goes private, and drops what nobody has decided of it. The head row was taken; this comes before the switch in the log.
pub async fn empty(tx: &mut Tx, space: SpaceId) -> Result<()> {
    for there in tx.recognition().all_present(space).await? {
        end(tx, &there, tx.now(), PresenceEnd::PrivacyMode).await?;
    }
    tx.recognition().delete_open(space).await?;
    Ok(())
}

/// Keeps that it was, and says that it ended.
pub(super) async fn end(tx: &mut Tx, there: &Presence, until: DateTime, why: PresenceEnd) -> Result<()> {
    tx.recognition().end_presence(there.id, until, why).await?;
    tx.append(tell::presence(Place::in_space(there.space_id), there.id, false));
    Ok(())
}
