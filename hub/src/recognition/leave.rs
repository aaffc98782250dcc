//! Somebody is not there any more: they, or whoever runs the household, say so; or the space goes private.

use serde_json::json;

use super::{Presence, PresenceEnd};
use crate::{
    audit::record::Record,
    clock::DateTime,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    identity::Caller,
    ids::{PresenceId, SpaceId},
    storage::Tx,
};

/// Ends presence: one's own, or as whoever runs the household anybody's.
pub async fn remove(tx: &mut Tx, caller: &Caller, id: PresenceId) -> Result<()> {
    tx.take_head().await?;
    let found = tx.recognition().presence(id).await?;
    let is_theirs = |found: &Presence| {
        caller.runs_the_household() || (caller.person() == Some(found.person_id) && caller.user().is_some())
    };
    let missing = Error::NotFound { what: "presence" };
    let there = found.filter(is_theirs).ok_or(missing)?;
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
    tx.recognition()
        .end_presence(there.id, Some((until, why)))
        .await?;
    let said = json!({"presence_id": there.id, "is_present": false});
    tx.append(NewEvent::by_hub(
        EventKind::PresenceChanged,
        Place::in_space(there.space_id),
        said,
    ));
    Ok(())
}
