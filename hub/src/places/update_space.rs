//! Changing a space, its privacy mode too.

use super::{
    Closed, PrivacyMode, Space,
    create_space::{MAX_NAME, changed, name_taken},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::payload::check_name,
    ids::SpaceId,
    recognition::leave::empty,
    storage::{Tx, Within},
    turns::cancel::{cancel, hold, recorded},
};

/// What is to change; none leaves it.
#[derive(Debug, Default)]
pub struct SpaceChange {
    /// A new name.
    pub name: Option<String>,
    /// A new privacy mode. It is in order with every event of the space: none slips between.
    pub privacy_mode: Option<PrivacyMode>,
}

/// Changes a space. One that goes private ends its open turns first, so that nothing of it comes after the switch in the log.
pub async fn update_space(tx: &mut Tx, id: SpaceId, change: SpaceChange) -> Result<Space> {
    if let Some(name) = &change.name {
        check_name(name, MAX_NAME).map_err(|detail| Error::invalid("/name", detail))?;
    }
    let goes_private = change.privacy_mode == Some(PrivacyMode::Private);
    if goes_private {
        hold(tx, Within::Space(id)).await?;
    }
    let mut space = tx
        .places()
        .lock_space(id)
        .await?
        .ok_or(Error::NotFound { what: "space" })?;
    // The head before the change: appends read the privacy mode after they have taken it. After the space, which is held by whoever
    // cannot take the head so early.
    tx.take_head().await?;
    let (name, mode) = (
        change.name.as_deref().unwrap_or(&space.name).trim(),
        change.privacy_mode,
    );
    let (name, mode) = (name.to_owned(), mode.unwrap_or(space.privacy_mode));
    if !tx.places().update_space(id, &name, mode).await? {
        return Err(name_taken());
    }
    (space.name, space.privacy_mode, space.updated_at) = (name, mode, tx.now());
    let ended = if goes_private {
        cancel(tx, Within::Space(id), Closed::PrivacyMode).await?
    } else {
        0
    };
    if mode == PrivacyMode::Private {
        empty(tx, id).await?;
    }
    tx.append(changed(&space));
    let record = Record::of("update_space").on("space", id.0);
    tx.record(recorded(record.with("privacy_mode", mode.as_str()), ended));
    Ok(space)
}
