//! `POST /v1/sign-in`

use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TokenAnswer;
use crate::{
    error::Error,
    http::{
        extract::{Json, StrangersJson},
        problem::Failed,
    },
    hub::Hub,
    identity::{Origin, password::MAX_BYTES, sign_in},
};

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
    use secrecy::ExposeSecret;
    if body.name.len() > 400 || body.name.contains('\0') || body.password.expose_secret().len() > MAX_BYTES {
        return Err(Error::Unauthenticated("the name or the password is wrong").into());
    }
    let tokens = sign_in::sign_in(&hub, &body.name, body.password, &from).await?;
    Ok(Json(tokens.into()))
}
