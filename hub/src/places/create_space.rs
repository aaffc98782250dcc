//! Making a space.

use serde_json::json;

use super::{PrivacyMode, Space};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::{EventKind, NewEvent, Place, payload::check_name},
    ids::{LocationId, SpaceId},
    storage::Tx,
};

/// Characters of a space's name at most.
pub const MAX_NAME: usize = 100;

/// What a new space is.
#[derive(Debug)]
pub struct NewSpace {
    /// Unique in the agent, whatever the case.
    pub name: String,
    /// Where it is.
    pub location: Option<LocationId>,
    /// Whether anything from it is kept.
    pub privacy_mode: PrivacyMode,
}

/// Makes a space.
pub async fn create_space(tx: &mut Tx, new: NewSpace) -> Result<Space> {
    check_name(&new.name, MAX_NAME).map_err(|detail| Error::invalid("/name", detail))?;
    if let Some(location) = new.location
        && !tx.places().has_location(location).await?
    {
        return Err(Error::invalid("/location_id", "is not a location of this agent"));
    }
    // The head first, as whoever renames a space does: two who want one name must not wait for each other.
    tx.take_head().await?;
    let space = Space {
        id: SpaceId::mint(),
        location_id: new.location,
        name: new.name.trim().to_owned(),
        privacy_mode: new.privacy_mode,
        is_elsewhere: false,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    if !tx.places().insert_space(&space).await? {
        return Err(name_taken());
    }
    tx.append(changed(&space));
    tx.record(Record::of("create_space").on("space", space.id.0));
    Ok(space)
}

/// The event that says what a space is now.
pub(super) fn changed(space: &Space) -> NewEvent {
    let said = json!({"space_id": space.id, "name": space.name, "privacy_mode": space.privacy_mode});
    NewEvent::by_hub(EventKind::SpaceChanged, Place::in_space(space.id), said)
}

/// The refusal of a second space of a name.
pub(super) fn name_taken() -> Error {
    Error::conflict("name_taken", "another space has this name")
}
