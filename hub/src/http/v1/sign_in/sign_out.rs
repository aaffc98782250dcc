//! `POST /v1/sign-out`

use axum::{extract::State, http::StatusCode};

use crate::{
    http::{caller::User, problem::Failed},
    hub::Hub,
    identity::sign_out,
};

/// End the sign-in that the access token belongs to. Its tokens are refused from now on.
#[utoipa::path(post, path = "/v1/sign-out", operation_id = "sign_out", tag = "identity",
    responses((status = NO_CONTENT, description = "Signed out")))]
pub(super) async fn sign_out(State(hub): State<Hub>, user: User) -> Result<StatusCode, Failed> {
    sign_out::sign_out(&hub, &user.who, Some(user.request_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
