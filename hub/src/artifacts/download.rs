//! Where the bytes of an artifact are read from.

use serde::{Deserialize, Serialize};
use tokio::fs::File;
use utoipa::ToSchema;

use super::{
    Artifact, ArtifactState, DOWNLOAD_LIFE,
    link::{Link, Purpose},
    rules::disposition,
    upload::{blob, path, span},
};
use crate::{
    clock::DateTime,
    error::{Error, Result},
    hub::Hub,
    identity::{Actor, Caller},
    ids::ArtifactId,
    storage::TxScope,
};

/// Where to read the bytes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Download {
    /// Where: a URL, or a path of this hub. It needs no credential, so it is a secret.
    pub url: String,
    /// Until when a download may begin.
    pub expires_at: DateTime,
}

/// A link to the bytes of an artifact that the caller may see.
pub async fn download(hub: &Hub, caller: &Caller, id: ArtifactId) -> Result<Download> {
    let mut tx = hub.db.begin(caller.tx_scope(), caller.actor()).await?;
    let found = tx.artifacts().find(id).await?;
    drop(tx);
    let artifact = found.ok_or(Error::NotFound { what: "artifact" })?;
    if artifact.state != ArtifactState::Stored {
        return Err(Error::conflict("not_stored", "its upload was not completed"));
    }
    let (agent, now) = (caller.agent, hub.clock.now());
    let disposition = disposition(artifact.name.as_deref());
    let blob = blob(agent, &artifact)?;
    let url = match hub
        .blobs
        .download_from(&blob, &disposition, span(DOWNLOAD_LIFE))
        .await?
    {
        Some(url) => url,
        None => Link { agent, artifact: id }.sign(&hub.keys.tokens, Purpose::Download, now, DOWNLOAD_LIFE)?,
    };
    let expires_at = now + DOWNLOAD_LIFE;
    Ok(Download { url, expires_at })
}

/// Opens the bytes for whoever has a link of the hub.
pub async fn open(hub: &Hub, token: &str) -> Result<(Artifact, File)> {
    let link = Link::verify(&hub.keys.tokens, Purpose::Download, token, hub.clock.now())?;
    let gone = Error::NotFound { what: "artifact" };
    let Some(directory) = hub.blobs.directory() else {
        return Err(gone);
    };
    let mut tx = hub
        .db
        .begin(TxScope::WholeAgent(link.agent), Actor::hub())
        .await?;
    let found = tx.artifacts().find(link.artifact).await?;
    drop(tx);
    let Some(artifact) = found.filter(|artifact| artifact.state == ArtifactState::Stored) else {
        return Err(gone);
    };
    let opened = directory.open(&path(link.agent, link.artifact)).await;
    match opened.map_err(|error| Error::because("the bytes of an artifact cannot be read", error))? {
        Some(file) => Ok((artifact, file)),
        None => Err(Error::internal(
            "the bytes of a stored artifact are not in the store",
        )),
    }
}
