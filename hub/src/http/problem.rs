//! Problems: the one error of the operations as RFC 9457 says errors.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, FieldError};

/// What went wrong, for programs and for people.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status and the code say it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    #[schema(example = "not_found")]
    pub code: String,
    /// What happened, and what to do about it.
    pub detail: String,
    /// Name it when you report the problem. It is your own `X-Request-Id` where that was a UUID, else one that the hub made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The bad fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With the code `outdated`: the version that the thing has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<i64>,
}

/// An error on its way out. Its body is written by the layer that knows the request's id.
#[derive(Debug, Clone)]
pub struct Refusal(pub std::sync::Arc<Error>);

/// An error of a handler.
#[derive(Debug)]
pub struct Failed(pub Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The path is there, the method is not.
#[derive(Debug)]
pub struct WrongMethod;

impl IntoResponse for WrongMethod {
    fn into_response(self) -> Response<Body> {
        let mut response = Failed(Error::NotFound {
            what: "method at this path",
        })
        .into_response();
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(&self.0);
        response
            .extensions_mut()
            .insert(Refusal(std::sync::Arc::new(self.0)));
        response
    }
}

/// The status of an error. The only place where the two meet.
#[must_use]
pub const fn status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden { .. } => StatusCode::FORBIDDEN,
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict { .. } | Error::Outdated { .. } => StatusCode::CONFLICT,
        Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Late { .. } => StatusCode::REQUEST_TIMEOUT,
        Error::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } | Error::Full { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(..) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes the body and the headers that go with a refusal.
pub(super) fn render(error: &Error, status: StatusCode, request_id: &str) -> Response<Body> {
    let problem = Problem {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        code: match status {
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed".to_owned(),
            _ => code(error).to_owned(),
        },
        // What broke inside is for the log.
        detail: if matches!(error, Error::Internal(..)) {
            "something broke inside the hub".to_owned()
        } else {
            error.to_string()
        },
        request_id: Some(request_id.to_owned()),
        errors: if let Error::Invalid(errors) = error {
            errors.clone()
        } else {
            Vec::new()
        },
        current_version: match error {
            Error::Outdated { version } => Some(*version),
            _ => None,
        },
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(after) = retry_after(error) {
        // Whole seconds, and never too few.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

const fn code(error: &Error) -> &'static str {
    match error {
        Error::Unauthenticated(_) => "unauthenticated",
        Error::Forbidden { .. } => "forbidden",
        Error::NotFound { .. } => "not_found",
        Error::Malformed(_) => "malformed",
        Error::Invalid(_) => "invalid",
        Error::Conflict { code, .. } => code,
        Error::Outdated { .. } => "outdated",
        Error::TooLarge { .. } => "too_large",
        Error::Late { .. } => "late",
        Error::Throttled { .. } => "throttled",
        Error::Full { .. } => "full",
        Error::Unavailable { .. } => "unavailable",
        Error::Internal(..) => "internal",
    }
}

fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Throttled { retry_after } | Error::Full { retry_after, .. } => Some(*retry_after),
        Error::Unavailable { .. } => Some(Duration::from_secs(1)),
        _ => None,
    }
}
