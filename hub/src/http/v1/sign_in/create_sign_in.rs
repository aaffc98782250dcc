//! `POST /v1/sign-in`

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::TokenAnswer;
use crate::{
    error::{Error, FieldError, Result},
    http::{
        extract::{Json, StrangersJson},
        problem::Failed,
    },
    hub::Hub,
    identity::{Origin, password::MAX_BYTES, sign_in},
};

/// Bytes of a login name at most: of its characters each may have four.
const MAX_NAME_BYTES: usize = 400;

/// Name and password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInRequest {
    /// The login name, in any case.
    #[schema(example = "ada")]
    name: String,
    /// The password.
    #[schema(value_type = String)]
    password: SecretString,
}

/// Sign in with name and password. After too many that were wrong: 429, with how long to wait.
#[utoipa::path(post, path = "/v1/sign-in", operation_id = "sign_in", tag = "identity", request_body = SignInRequest,
    responses((status = OK, description = "Signed in", body = TokenAnswer)))]
pub(super) async fn sign_in(
    State(hub): State<Hub>,
    from: Origin,
    StrangersJson(body): StrangersJson<SignInRequest>,
) -> Result<Json<TokenAnswer>, Failed> {
    check(&body)?;
    let tokens = sign_in::sign_in(&hub, &body.name, body.password, &from).await?;
    Ok(Json(tokens.into()))
}

/// What nobody can have is no try, and so is not counted as one: it is told by its form alone, whoever exists.
fn check(body: &SignInRequest) -> Result<()> {
    let wrong = |pointer: &str, detail: String| FieldError {
        pointer: pointer.to_owned(),
        detail,
    };
    let mut found = Vec::new();
    if body.name.len() > MAX_NAME_BYTES {
        found.push(wrong(
            "/name",
            format!("must have at most {MAX_NAME_BYTES} bytes"),
        ));
    }
    if body.name.contains('\0') {
        found.push(wrong("/name", "must not contain NUL".to_owned()));
    }
    if body.password.expose_secret().len() > MAX_BYTES {
        found.push(wrong("/password", format!("must have at most {MAX_BYTES} bytes")));
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(found))
    }
}
