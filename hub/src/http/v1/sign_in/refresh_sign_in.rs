//! `POST /v1/sign-in/refresh`

use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TokenAnswer;
use crate::{
    http::{
        extract::{Json, StrangersJson},
        problem::Failed,
    },
    hub::Hub,
    identity::{Origin, refresh::refresh},
};

/// The refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    /// Good once: the answer holds the next.
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

/// Get the next tokens of a sign-in. A token that was used before ends the sign-in, but an answer that was lost can be asked
/// for again within 30 seconds.
#[utoipa::path(post, path = "/v1/sign-in/refresh", operation_id = "refresh_sign_in", tag = "identity",
    request_body = RefreshRequest, responses((status = OK, description = "The next tokens", body = TokenAnswer)))]
pub(super) async fn refresh_sign_in(
    State(hub): State<Hub>,
    from: Origin,
    StrangersJson(body): StrangersJson<RefreshRequest>,
) -> Result<Json<TokenAnswer>, Failed> {
    let tokens = refresh(&hub, &body.refresh_token, &from).await?;
    Ok(Json(tokens.into()))
}
