//! Sharing an artifact: what was somebody's alone is the household's from then on. Only they themself do it, by hand, as with a
//! memory (`memory/share.rs`). It is not taken back but by deleting it.

use serde_json::json;

use super::{Artifact, ArtifactState};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    identity::{Caller, authorize::only_signed_in},
    ids::ArtifactId,
    places::{gate, gate::Matter},
    storage::Tx,
};

const NOTHING: Error = Error::NotFound { what: "artifact" };

/// Shares an artifact of the caller's. What is the household's stays so.
pub async fn share(tx: &mut Tx, caller: &Caller, id: ArtifactId) -> Result<Artifact> {
    // A device of theirs may see it, and shares nothing.
    caller.user().ok_or(NOTHING)?;
    only_signed_in(caller)?;
    // The head first, as whoever makes a space private does.
    tx.take_head().await?;
    let held = tx.artifacts().lock(id).await?.ok_or(NOTHING)?;
    let Some(audience) = held.audience else {
        return Ok(held.artifact);
    };
    if caller.person() != Some(audience) {
        return Err(NOTHING);
    }
    if held.artifact.state != ArtifactState::Stored {
        let detail = "its bytes are awaited still: complete it, then share it";
        return Err(Error::conflict("not_uploaded", detail));
    }
    let space = held.artifact.space_id;
    if let Some(closed) = gate::closed(tx, Matter::kept_in(space)).await? {
        let detail = "it belongs to a space that is private now: share it when that is over";
        return Err(Error::conflict(closed.as_str(), detail));
    }
    tx.artifacts().share(id).await?;
    let place = Place {
        person: Some(audience),
        ..Place::in_space(space)
    };
    let said = json!({"artifact_id": id, "person_id": audience});
    tx.append(NewEvent::by_hub(EventKind::ArtifactShared, place, said));
    tx.record(
        Record::of("share_artifact")
            .on("artifact", id.0)
            .widened(audience),
    );
    Ok(Artifact {
        is_private: false,
        ..held.artifact
    })
}
