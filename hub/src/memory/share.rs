//! Sharing a memory: what was somebody's alone is the household's from then on. Only they themself do it, by hand, which is the
//! grant for it (DESIGN 13); a grant of `sharing` is for what is passed on without them. What it came from stays theirs alone.
//! It is not taken back but by forgetting.

use serde_json::json;

use super::Memory;
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    identity::{Caller, authorize::only_signed_in},
    ids::MemoryId,
    places::{gate, gate::Matter},
    storage::Tx,
};

const NOTHING: Error = Error::NotFound { what: "memory" };

/// Shares a memory of the caller's. What is the household's stays so.
pub async fn share(tx: &mut Tx, caller: &Caller, id: MemoryId) -> Result<Memory> {
    // A device of theirs may see it, and shares nothing.
    caller.user().ok_or(NOTHING)?;
    only_signed_in(caller)?;
    // Whoever forgets it holds the head first, too.
    tx.take_head().await?;
    let memory = tx.memories().hold(id).await?.ok_or(NOTHING)?;
    let Some(audience) = memory.audience_person_id else {
        return Ok(memory);
    };
    if caller.person() != Some(audience) {
        return Err(NOTHING);
    }
    if let Some(closed) = gate::closed(tx, Matter::kept_in(memory.space_id)).await? {
        let detail = "it was learnt in a space that is private now: share it when that is over";
        return Err(Error::conflict(closed.as_str(), detail));
    }
    tx.memories().share(id).await?;
    let place = Place {
        person: Some(audience),
        ..Place::in_space(memory.space_id)
    };
    let said = json!({"memory_id": id, "person_id": audience});
    tx.append(NewEvent::by_hub(EventKind::MemoryShared, place, said));
    tx.record(Record::of("share_memory").on("memory", id.0).widened(audience));
    Ok(Memory {
        audience_person_id: None,
        ..memory
    })
}
