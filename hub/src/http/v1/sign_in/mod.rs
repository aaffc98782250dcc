//! `/v1/sign-in`

mod create_sign_in;
mod refresh_sign_in;
mod sign_out;
mod sign_out_everywhere;

use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, identity::sign_in::Tokens};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(create_sign_in::sign_in))
        .routes(routes!(refresh_sign_in::refresh_sign_in))
        .routes(routes!(sign_out::sign_out))
        .routes(routes!(sign_out_everywhere::sign_out_everywhere))
}

/// The tokens of a sign-in: shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenAnswer {
    /// For the `Authorization` header.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds that the access token is good for.
    expires_in_s: i64,
    /// For `POST /v1/sign-in/refresh`; good once.
    refresh_token: String,
}

impl From<Tokens> for TokenAnswer {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access.expose_secret().to_owned(),
            token_type: "Bearer",
            expires_in_s: tokens.access_life.num_seconds(),
            refresh_token: tokens.refresh.expose_secret().to_owned(),
        }
    }
}
