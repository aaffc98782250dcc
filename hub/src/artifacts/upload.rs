//! Where the bytes of an artifact are sent to.

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Artifact, ArtifactState, UNFINISHED, UPLOAD_LIFE,
    link::{Link, Purpose},
    rules::digest,
};
use crate::{
    adapters::blobs::Blob,
    clock::DateTime,
    error::{Error, Result},
    hub::Hub,
    ids::{AgentId, ArtifactId},
};

/// How the bytes are sent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// Where to: a URL, or a path of this hub. It needs no credential, so it is a secret.
    pub url: String,
    /// `PUT`.
    #[schema(example = "PUT")]
    pub method: String,
    /// Headers that must be sent as they are here.
    pub headers: BTreeMap<String, String>,
    /// When it ends.
    pub expires_at: DateTime,
}

/// Where to send the bytes; none where they are there, or it is too late for them. Asks nothing of the store, save credentials.
pub async fn upload(hub: &Hub, agent: AgentId, artifact: &Artifact) -> Result<Option<Upload>> {
    let now = hub.clock.now();
    if artifact.state != ArtifactState::Pending || artifact.created_at + UNFINISHED <= now {
        return Ok(None);
    }
    let blob = blob(agent, artifact)?;
    let expires_at = now + UPLOAD_LIFE;
    let (url, headers) = match hub.blobs.upload_to(&blob, span(UPLOAD_LIFE)).await? {
        Some(to) => (to.url, to.headers.into_iter().collect()),
        None => (own(hub, agent, artifact, now)?, headers(&blob)),
    };
    Ok(Some(Upload {
        url,
        method: "PUT".to_owned(),
        headers,
        expires_at,
    }))
}

/// The bytes of an artifact, as the store knows them.
pub(super) fn blob(agent: AgentId, artifact: &Artifact) -> Result<Blob> {
    let sha256 = digest(&artifact.sha256).ok_or_else(|| Error::internal("an artifact without its digest"))?;
    Ok(Blob {
        path: path(agent, artifact.id),
        media_type: artifact.media_type.clone(),
        size: artifact.size_bytes,
        sha256,
    })
}

/// Where they are in the store.
pub(super) fn path(agent: AgentId, id: ArtifactId) -> String {
    format!("{agent}/{id}")
}

/// A time that is not negative.
pub(super) fn span(life: TimeDelta) -> Duration {
    life.to_std().unwrap_or_default()
}

fn own(hub: &Hub, agent: AgentId, artifact: &Artifact, now: DateTime) -> Result<String> {
    let link = Link {
        agent,
        artifact: artifact.id,
    };
    link.sign(&hub.keys.tokens, Purpose::Upload, now, UPLOAD_LIFE)
}

fn headers(blob: &Blob) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("content-length".to_owned(), blob.size.to_string()),
        ("content-type".to_owned(), blob.media_type.clone()),
    ])
}
