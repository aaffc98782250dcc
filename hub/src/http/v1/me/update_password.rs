//! `PUT /v1/me/password`

use axum::{extract::State, http::StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{caller::User, extract::Json, problem::Failed},
    hub::Hub,
    identity::{Origin, update_password},
};

/// The old password, and the new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdatePasswordRequest {
    /// Your password as it is.
    #[schema(value_type = String)]
    password: SecretString,
    /// As it shall be: 10 characters to 1,024 bytes.
    #[schema(value_type = String)]
    new_password: SecretString,
}

/// Choose another password. Every other sign-in that you have ends at once; this one goes on.
#[utoipa::path(put, path = "/v1/me/password", operation_id = "update_password", tag = "identity",
    request_body = UpdatePasswordRequest, responses((status = NO_CONTENT, description = "Changed")))]
pub(super) async fn update_password(
    State(hub): State<Hub>,
    user: User,
    from: Origin,
    Json(body): Json<UpdatePasswordRequest>,
) -> Result<StatusCode, Failed> {
    update_password::update_password(&hub, &user.who, body.password, body.new_password, &from).await?;
    Ok(StatusCode::NO_CONTENT)
}
