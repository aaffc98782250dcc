//! Announcing an artifact.

use serde_json::json;

use super::{
    Artifact, ArtifactState, MOST_UNFINISHED, MOST_UNFINISHED_SIZES,
    rules::{MAX_NAME, digest, is_media_type},
};
use crate::{
    audit::record::Record,
    error::{Error, Result},
    events::payload::check_name,
    identity::Caller,
    ids::{ArtifactId, PersonId, SpaceId},
    places::gate::{Matter, closed},
    secret::random_bytes,
    storage::{HeldArtifact, Tx},
};

/// What is announced.
#[derive(Debug)]
pub struct NewArtifact {
    /// What people call it.
    pub name: Option<String>,
    /// What it is.
    pub media_type: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Where it belongs; none: in no known place.
    pub space: Option<SpaceId>,
    /// Whether only the caller may see it.
    pub is_private: bool,
}

/// Announces an artifact. `max_bytes` is the size of the largest.
pub async fn create(tx: &mut Tx, caller: &Caller, new: NewArtifact, max_bytes: u64) -> Result<Artifact> {
    let digest = check(&new, max_bytes)?;
    let audience = audience(caller, new.is_private)?;
    // The head first: of two uploads that are announced at once only one may be the last for which there is room, and a change
    // of the space's mode comes before or after.
    tx.take_head().await?;
    let space = space(tx, new.space).await?;
    make_sure_of_room(tx, new.size_bytes, max_bytes).await?;
    let artifact = Artifact {
        id: ArtifactId::mint(),
        name: new.name.map(|name| name.trim().to_owned()),
        media_type: new.media_type,
        size_bytes: new.size_bytes,
        sha256: hex::encode(digest),
        space_id: space,
        is_private: audience.is_some(),
        state: ArtifactState::Pending,
        created_at: tx.now(),
        stored_at: None,
    };
    let held = HeldArtifact {
        artifact,
        audience,
        salt: random_bytes(),
    };
    tx.artifacts().insert(&held, &digest).await?;
    tx.record(recorded(Record::of("create_artifact"), &held));
    Ok(held.artifact)
}

/// What the audit log says of an artifact. What somebody said of it is only committed to, its hash too: of a short text it could be
/// guessed from that.
pub(super) fn recorded(record: Record, held: &HeldArtifact) -> Record {
    let artifact = &held.artifact;
    let said = json!({"name": artifact.name, "media_type": artifact.media_type, "sha256": artifact.sha256});
    record
        .on("artifact", artifact.id.0)
        .with("size_bytes", artifact.size_bytes)
        .commits("artifact", artifact.id.0, &held.salt, &said)
}

/// The refusal of what comes from a space that keeps nothing.
pub(super) fn nothing_is_kept() -> Error {
    Error::conflict("privacy_mode", "the space is private: nothing from it is kept")
}

fn check(new: &NewArtifact, max_bytes: u64) -> Result<[u8; 32]> {
    if let Some(name) = &new.name {
        check_name(name, MAX_NAME).map_err(|detail| Error::invalid("/name", detail))?;
    }
    if !is_media_type(&new.media_type) {
        return Err(Error::invalid(
            "/media_type",
            "must be a media type, such as image/jpeg",
        ));
    }
    if !(1..=max_bytes).contains(&new.size_bytes) {
        return Err(Error::invalid(
            "/size_bytes",
            format!("must be between 1 and {max_bytes}"),
        ));
    }
    let refused = || Error::invalid("/sha256", "must be a SHA-256 in 64 hexadecimal digits");
    digest(&new.sha256).ok_or_else(refused)
}

fn audience(caller: &Caller, is_private: bool) -> Result<Option<PersonId>> {
    match (is_private, caller.person()) {
        (false, _) => Ok(None),
        (true, Some(person)) => Ok(Some(person)),
        (true, None) => Err(Error::invalid(
            "/is_private",
            "needs a caller who is a person to the agent",
        )),
    }
}

async fn space(tx: &mut Tx, wanted: Option<SpaceId>) -> Result<SpaceId> {
    let space = match wanted {
        None => tx.places().elsewhere().await?,
        Some(id) if tx.places().space(id).await?.is_some() => id,
        Some(_) => return Err(Error::invalid("/space_id", "is not a space of this agent")),
    };
    match closed(tx, Matter::kept_in(space)).await? {
        None => Ok(space),
        Some(_) => Err(nothing_is_kept()),
    }
}

/// Each who makes artifacts has room of their own: nobody is told by a refusal what others do, nor shut out by it.
async fn make_sure_of_room(tx: &mut Tx, size: u64, max_bytes: u64) -> Result<()> {
    let (count, bytes) = tx.artifacts().unfinished_of_maker().await?;
    if count < MOST_UNFINISHED
        && bytes.saturating_add(size) <= max_bytes.saturating_mul(MOST_UNFINISHED_SIZES)
    {
        return Ok(());
    }
    Err(Error::conflict(
        "too_many_uploads",
        "too many of your uploads are unfinished: complete or delete some, or wait until they are a day old",
    ))
}
