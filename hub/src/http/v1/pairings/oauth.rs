//! The shapes of OAuth: requests may be forms, and some refusals are not problems (RFC 6749, 5.2; RFC 8628, 3.5).

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    error::Error,
    http::{
        extract::{StrangersJson, strangers_form},
        problem::Failed,
    },
    hub::Hub,
};

/// A request that may be a form.
pub(super) trait Form: DeserializeOwned {
    /// The parameters that are taken from one. Others are ignored (RFC 6749, 3.1).
    const PARAMETERS: &[&str];
}

/// A body of somebody unknown: a form, or JSON.
pub(super) struct FormOrJson<T>(pub(super) T);

impl<T: Form> FromRequest<Hub> for FormOrJson<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Failed> {
        let is_form = request.headers().get(header::CONTENT_TYPE).is_some_and(is_form);
        if !is_form {
            let StrangersJson(body) = StrangersJson::from_request(request, hub).await?;
            return Ok(Self(body));
        }
        let mut fields = Map::new();
        for (name, value) in strangers_form(request, hub).await? {
            // A parameter without a value counts as left out.
            if !T::PARAMETERS.contains(&name.as_str()) || value.is_empty() {
                continue;
            }
            let pointer = format!("/{name}");
            if fields.insert(name, Value::String(value)).is_some() {
                return Err(Error::invalid(pointer, "must not be repeated").into());
            }
        }
        Ok(Self(crate::http::extract::read_value(Value::Object(fields))?))
    }
}

fn is_form(content_type: &HeaderValue) -> bool {
    let kind = content_type.to_str().unwrap_or_default().split(';').next();
    kind.is_some_and(|kind| {
        kind.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// A refusal as OAuth says it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OauthError {
    /// `authorization_pending`, `slow_down`, `access_denied`, `expired_token`, `invalid_grant` or `unsupported_grant_type`.
    #[schema(example = "authorization_pending")]
    error: &'static str,
    /// For people.
    error_description: &'static str,
}

impl OauthError {
    pub(super) const fn new(error: &'static str, error_description: &'static str) -> Self {
        Self {
            error,
            error_description,
        }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, crate::http::extract::Json(self)).into_response()
    }
}
