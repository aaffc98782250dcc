//! `GET /v1/artifact-bytes/{token}`: the bytes of an artifact, at a link that the hub signed.

use std::io;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream::{Stream, unfold};
use tokio::{fs::File, io::AsyncReadExt};

use super::LinkPath;
use crate::{
    artifacts::{Artifact, download::open, rules::disposition},
    error::{Error, Result},
    http::{extract::Path, problem::Failed},
    hub::Hub,
};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// Gives the bytes, to be kept as a file: a page among them is never shown as one of the hub's.
pub(super) async fn read_bytes(
    State(hub): State<Hub>,
    Path(path): Path<LinkPath>,
) -> Result<Response, Failed> {
    let (artifact, file) = open(&hub, &path.token).await?;
    let headers = headers(&artifact)?;
    Ok((headers, Body::from_stream(pieces(file))).into_response())
}

fn headers(artifact: &Artifact) -> Result<[(HeaderName, HeaderValue); 6]> {
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|error| Error::because("a header of an artifact", error))
    };
    Ok([
        (header::CONTENT_TYPE, value(&artifact.media_type)?),
        (header::CONTENT_LENGTH, HeaderValue::from(artifact.size_bytes)),
        (
            header::CONTENT_DISPOSITION,
            value(&disposition(artifact.name.as_deref()))?,
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ])
}

fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    unfold(Some(file), |file| async {
        let mut file = file?;
        let mut chunk = vec![0; CHUNK];
        match file.read(&mut chunk).await {
            Ok(0) => None,
            Ok(read) => {
                chunk.truncate(read);
                Some((Ok(Bytes::from(chunk)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}
