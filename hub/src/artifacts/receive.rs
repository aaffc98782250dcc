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
    ids::{AgentId, SpaceId},
    places::gate::{Matter, closed_and_held},
    storage::{Tx, TxScope},
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
    let Admitted {
        agent,
        space,
        blob,
        directory,
    } = admit(hub, &announced).await?;
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
            None => return finish(hub, (agent, space), incoming).await,
        }
    }
}

/// An upload that may begin.
struct Admitted<'a> {
    agent: AgentId,
    space: SpaceId,
    blob: Blob,
    directory: &'a BlobDirectory,
}

/// Gives what came its name. The gate is asked again, for a large file takes its time, and held meanwhile: a space that goes
/// private waits for a rename, and nothing gets its name after that.
async fn finish(hub: &Hub, (agent, space): (AgentId, SpaceId), incoming: Incoming) -> Result<()> {
    let mut tx = begin(hub, agent).await?;
    let matter = Matter::kept_in(space);
    if closed_and_held(&mut tx, matter).await?.is_some() {
        return Err(nothing_is_kept());
    }
    incoming.finish().await.map_err(refused)
}

async fn begin(hub: &Hub, agent: AgentId) -> Result<Tx> {
    hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await
}

async fn admit<'a>(hub: &'a Hub, announced: &Announced<'_>) -> Result<Admitted<'a>> {
    let now = hub.clock.now();
    let link = Link::verify(&hub.keys.tokens, Purpose::Upload, announced.token, now)?;
    let gone = || Error::NotFound { what: "artifact" };
    let directory = hub.blobs.directory().ok_or_else(gone)?;
    let mut tx = begin(hub, link.agent).await?;
    let artifact = tx.artifacts().find(link.artifact).await?.ok_or_else(gone)?;
    if artifact.state == ArtifactState::Stored {
        return Err(refused(IncomingError::Taken));
    }
    if artifact.created_at + UNFINISHED <= now {
        return Err(gone());
    }
    let (agent, space) = (link.agent, artifact.space_id);
    let matter = Matter::kept_in(space);
    if closed_and_held(&mut tx, matter).await?.is_some() {
        return Err(nothing_is_kept());
    }
    drop(tx);
    check(&artifact, announced)?;
    Ok(Admitted {
        agent,
        space,
        blob: blob(agent, &artifact)?,
        directory,
    })
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
