//! `PUT /v1/artifact-bytes/{token}`: the bytes of an artifact, at a link that the hub signed.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt;
use tokio::sync::Mutex;

use super::LinkPath;
use crate::{
    artifacts::receive::{Announced, receive},
    error::{Error, Result},
    http::{extract::Path, problem::Failed},
    hub::Hub,
};

/// Takes the bytes, however many they are: the link says.
pub(super) async fn send_bytes(
    State(hub): State<Hub>,
    Path(path): Path<LinkPath>,
    request: Request,
) -> Result<StatusCode, Failed> {
    let (parts, body) = request.into_parts();
    let announced = Announced {
        token: &path.token,
        media_type: media_type(&parts.headers),
        size: body.size_hint().exact(),
    };
    let patience = Duration::from_millis(hub.config.http.body_timeout_ms);
    let body = Mutex::new(body);
    receive(&hub, announced, patience, || next(&body)).await?;
    Ok(StatusCode::OK)
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// The next piece of a body that is not empty.
async fn next(body: &Mutex<Body>) -> Result<Option<Vec<u8>>> {
    let mut body = body.lock().await;
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data.into()));
                }
            }
            Some(Err(_)) => return Err(Error::Malformed("the body broke off".into())),
        }
    }
}
