//! Saying that the bytes of an artifact are there. The hub looks for itself.

use serde_json::json;

use super::{
    Artifact, ArtifactState,
    create::{nothing_is_kept, recorded},
    upload::blob,
};
use crate::{
    adapters::blobs::Found,
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place},
    hub::Hub,
    identity::Caller,
    ids::ArtifactId,
    places::gate::{Matter, closed},
    storage::{HeldArtifact, Tx},
};

/// Looks whether the store holds what was announced. Outside of any unit of work: it asks the outside.
pub async fn examine(hub: &Hub, caller: &Caller, id: ArtifactId) -> Result<()> {
    let mut tx = hub.db.begin(caller.tx_scope(), caller.actor()).await?;
    let found = tx.artifacts().find(id).await?;
    drop(tx);
    let artifact = found.ok_or(Error::NotFound { what: "artifact" })?;
    if artifact.state == ArtifactState::Stored {
        return Ok(());
    }
    match hub.blobs.examine(&blob(caller.agent, &artifact)?).await? {
        Found::Same => Ok(()),
        Found::Missing => Err(Error::conflict(
            "not_uploaded",
            "its bytes are not there: send them to the URL that create_artifact answered",
        )),
        Found::Different => Err(Error::conflict(
            "upload_differs",
            "other bytes are there than were announced: delete the artifact and make another",
        )),
    }
}

/// Counts the bytes as there, after they were found so. Again is fine.
pub async fn complete(tx: &mut Tx, id: ArtifactId) -> Result<Artifact> {
    // The head first, as whoever makes a space private does.
    tx.take_head().await?;
    let mut held = tx
        .artifacts()
        .lock(id)
        .await?
        .ok_or(Error::NotFound { what: "artifact" })?;
    if held.artifact.state == ArtifactState::Stored {
        return Ok(held.artifact);
    }
    let matter = Matter::kept_in(held.artifact.space_id);
    if closed(tx, matter).await?.is_some() {
        return Err(nothing_is_kept());
    }
    tx.artifacts().store(id).await?;
    (held.artifact.state, held.artifact.stored_at) = (ArtifactState::Stored, Some(tx.now()));
    tx.append(told(EventKind::ArtifactStored, &held));
    tx.record(recorded(Record::of("complete_artifact"), &held));
    Ok(held.artifact)
}

/// The event that says what became of an artifact, to those who may see it.
pub(super) fn told(kind: EventKind, held: &HeldArtifact) -> NewEvent {
    let place = Place {
        audience: held.audience,
        ..Place::in_space(held.artifact.space_id)
    };
    NewEvent::by_hub(kind, place, json!({"artifact_id": held.artifact.id}))
}
