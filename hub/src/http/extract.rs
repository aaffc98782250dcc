//! Bodies, path and query parameters, with errors that point at what is wrong.

use std::{error::Error as _, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{FromRequest, FromRequestParts, Request, rejection::QueryRejection},
    http::{Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::LengthLimitError;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    bodies::{Held, STRANGERS_BODY, Sender},
    problem::Failed,
    strict::{self, Strict},
};
use crate::{
    error::{Error, FieldError, step},
    hub::Hub,
};

/// A JSON body, in and out.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned> FromRequest<Hub> for Json<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Failed> {
        let limit = hub.config.http.max_body_bytes;
        Ok(Self(read_json(request, hub, Sender::Caller, limit).await?))
    }
}

/// A JSON body of an operation that needs no credential: small.
#[derive(Debug)]
pub struct StrangersJson<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Hub> for StrangersJson<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Failed> {
        let limit = hub.config.http.max_body_bytes.min(STRANGERS_BODY);
        Ok(Self(read_json(request, hub, Sender::Stranger, limit).await?))
    }
}

/// The fields of a form of somebody unknown, in order.
pub(super) async fn strangers_form(request: Request, hub: &Hub) -> Result<Vec<(String, String)>, Error> {
    let limit = hub.config.http.max_body_bytes.min(STRANGERS_BODY);
    let (bytes, _held) = read_body(request.into_body(), hub, Sender::Stranger, limit).await?;
    form(&bytes).ok_or_else(|| Error::Malformed("the body cannot be read as a form".into()))
}

/// A form has the shape of a query.
fn form(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let uri = format!("/?{}", std::str::from_utf8(bytes).ok()?);
    fields(&uri.parse().ok()?)
}

/// The names and values in a query, in order.
#[expect(clippy::disallowed_types, reason = "the one place where forms are read")]
pub(super) fn fields(uri: &Uri) -> Option<Vec<(String, String)>> {
    let axum::extract::Query(fields) = axum::extract::Query::try_from_uri(uri).ok()?;
    Some(fields)
}

async fn read_json<T: DeserializeOwned>(
    request: Request,
    hub: &Hub,
    sender: Sender,
    limit: usize,
) -> Result<T, Error> {
    if !is_json(request.headers().get(header::CONTENT_TYPE)) {
        return Err(Error::Malformed(
            "the body must be JSON: send content-type application/json".into(),
        ));
    }
    // Held until it is parsed: what is made of it is the operation's.
    let (bytes, _held) = read_body(request.into_body(), hub, sender, limit).await?;
    parse(&bytes)
}

/// A whole body, and the room that it takes.
pub(super) async fn read_body(
    body: Body,
    hub: &Hub,
    sender: Sender,
    limit: usize,
) -> Result<(Bytes, Held), Error> {
    let announced = body.size_hint().exact();
    let announced = announced.map_or(limit, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(Error::TooLarge { limit });
    }
    let held = hub.bodies.hold(sender, announced)?;
    let within = Duration::from_millis(hub.config.http.body_timeout_ms);
    Ok((read(body, limit, within).await?, held))
}

/// A whole body, of a bounded size and within a bounded time.
async fn read(body: Body, limit: usize, within: Duration) -> Result<Bytes, Error> {
    let Ok(read) = timeout(within, to_bytes(body, limit)).await else {
        return Err(Error::Late {
            what: "the body",
            limit: within,
        });
    };
    read.map_err(|error| {
        let is_too_large = error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
        if is_too_large {
            Error::TooLarge { limit }
        } else {
            Error::Malformed("the body broke off".into())
        }
    })
}

/// Path parameters.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Hub> for Path<T> {
    type Rejection = Failed;

    #[expect(
        clippy::disallowed_types,
        reason = "the one place where path parameters are read"
    )]
    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failed> {
        use axum::extract::{
            path::{ErrorKind, Path as RawPath},
            rejection::PathRejection,
        };
        match RawPath::<T>::from_request_parts(parts, hub).await {
            Ok(RawPath(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                let (name, detail) = match error.kind() {
                    ErrorKind::DeserializeError { key, message, .. } => (key.clone(), message.clone()),
                    ErrorKind::ParseErrorAtKey { key, .. } => (key.clone(), "is not valid".to_owned()),
                    ErrorKind::InvalidUtf8InPathParam { key } => (key.clone(), "is not text".to_owned()),
                    other => (String::new(), other.to_string()),
                };
                Err(Error::invalid(format!("{{{name}}}"), detail).into())
            }
            Err(other) => Err(Error::internal(format!("a path without its parameters: {other}")).into()),
        }
    }
}

/// Query parameters. Unknown ones are refused where the type says so.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Hub> for Query<T> {
    type Rejection = Failed;

    #[expect(
        clippy::disallowed_types,
        reason = "the one place where query parameters are read"
    )]
    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failed> {
        match axum::extract::Query::<T>::from_request_parts(parts, hub).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error) => Err(Error::Invalid(vec![query_error(&error)]).into()),
        }
    }
}

/// Names the parameter: axum keeps it in the cause of its refusal.
fn query_error(refused: &QueryRejection) -> FieldError {
    type Cause = serde_path_to_error::Error<serde::de::value::Error>;
    let mut cause = std::error::Error::source(refused);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Cause>() {
            let (path, detail) = (found.path().to_string(), found.inner().to_string());
            let name = named(&detail).unwrap_or(&path);
            return FieldError {
                pointer: format!("?{name}"),
                detail,
            };
        }
        cause = error.source();
    }
    FieldError {
        pointer: "?".to_owned(),
        detail: refused.body_text(),
    }
}

fn is_json(content_type: Option<&header::HeaderValue>) -> bool {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else {
        return false;
    };
    text.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// First the form, then the meaning: what is not JSON is said to be that, whatever else is wrong with it.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let value = strict::value(bytes)?;
    if !value.is_object() {
        return Err(Error::invalid("", "must be an object"));
    }
    read_value(value)
}

/// What an object means, with a pointer to what is wrong with it.
pub(super) fn read_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let mut pointer = pointer(error.path());
        let detail = error.into_inner().to_string();
        if let Some(field) = named(&detail).map(step).filter(|field| !pointer.ends_with(field)) {
            pointer.push_str(&field);
        }
        Error::Invalid(vec![FieldError { pointer, detail }])
    })
}

/// The field that serde names in words: its path may end above it.
fn named(detail: &str) -> Option<&str> {
    let said = ["missing", "unknown", "duplicate"]
        .iter()
        .find_map(|kind| detail.strip_prefix(kind))?;
    said.strip_prefix(" field `")?.split('`').next()
}

/// The JSON pointer (RFC 6901) of a path.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => step(key),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => "/?".to_owned(),
    });
    segments.collect()
}
