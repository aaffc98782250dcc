//! Taking the bytes of an artifact into the directory, from whoever has a link of the hub. What arrives is counted, digested
//! and compared before it gets its name; what is wrong leaves nothing behind.

use std::{future::Future, time::Duration};

use super::{
    Artifact, ArtifactState, UNFINISHED,
    create::nothing_is_kept,
    link::{Link, Purpose},
    upload::blob,
};
use crate::{
    adapters::blobs::{Blob, BlobDirectory, Incoming, IncomingError},
    error::{Error, Result},
    hub::Hub,
    identity::Actor,
    places::gate::may_write,
    storage::TxScope,
};

/// What a sender says of the bytes before they come.
#[derive(Debug)]
pub struct Announced<'a> {
    /// The last part of the link.
    pub token: &'a str,
    /// The type of the body.
    pub media_type: Option<&'a str>,
    /// Its length, where it is said.
    pub size: Option<u64>,
}

/// Takes the bytes. `next` gives them piece by piece, and none at their end; each must come within `patience`.
pub async fn receive<F>(
    hub: &Hub,
    announced: Announced<'_>,
    patience: Duration,
    mut next: impl FnMut() -> F,
) -> Result<()>
where
    F: Future<Output = Result<Option<Vec<u8>>>>,
{
    let (blob, directory) = admit(hub, &announced).await?;
    let _room = hub.blobs.room()?;
    let mut incoming = directory.begin(&blob).await.map_err(refused)?;
    loop {
        let piece = tokio::time::timeout(patience, next()).await;
        let late = |_| Error::Late {
            what: "the next piece of the body",
            limit: patience,
        };
        match piece.map_err(late)?? {
            Some(bytes) => incoming.write(&bytes).await.map_err(refused)?,
            None => return finish(incoming).await,
        }
    }
}

async fn finish(incoming: Incoming) -> Result<()> {
    incoming.finish().await.map_err(refused)
}

async fn admit<'a>(hub: &'a Hub, announced: &Announced<'_>) -> Result<(Blob, &'a BlobDirectory)> {
    let now = hub.clock.now();
    let link = Link::verify(&hub.keys.tokens, Purpose::Upload, announced.token, now)?;
    let gone = || Error::NotFound { what: "artifact" };
    let directory = hub.blobs.directory().ok_or_else(gone)?;
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(link.agent), Actor::hub())
        .await?;
    let artifact = tx.artifacts().find(link.artifact).await?.ok_or_else(gone)?;
    if artifact.state == ArtifactState::Stored {
        return Err(refused(IncomingError::Taken));
    }
    if artifact.created_at + UNFINISHED <= now {
        return Err(gone());
    }
    if !may_write(&mut tx, artifact.space_id).await? {
        return Err(nothing_is_kept());
    }
    drop(tx);
    check(&artifact, announced)?;
    Ok((blob(link.agent, &artifact)?, directory))
}

/// What is wrong from the start is refused before a byte of it is read.
fn check(artifact: &Artifact, announced: &Announced<'_>) -> Result<()> {
    if announced.media_type != Some(&artifact.media_type) {
        let wanted = &artifact.media_type;
        return Err(Error::Malformed(format!(
            "send content-type {wanted}, as it was announced"
        )));
    }
    match announced.size {
        Some(size) if size > artifact.size_bytes => Err(refused(IncomingError::TooMany)),
        Some(size) if size < artifact.size_bytes => Err(refused(IncomingError::TooFew)),
        _ => Ok(()),
    }
}

fn refused(error: IncomingError) -> Error {
    match error {
        IncomingError::TooMany | IncomingError::TooFew | IncomingError::Others => {
            Error::Malformed(format!("{error}; nothing was kept"))
        }
        IncomingError::Taken => Error::conflict("already_uploaded", "its bytes are there already"),
        IncomingError::Disk(error) => Error::Unavailable {
            what: "the store of artifacts",
            source: Some(error.into()),
        },
    }
}
