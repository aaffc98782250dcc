//! `POST /v1/sign-out/everywhere`

use axum::{extract::State, http::StatusCode};

use crate::{
    http::{caller::User, problem::Failed},
    hub::Hub,
    identity::sign_out,
};

/// End every sign-in that you have, on whichever device, this one too: where a device was lost, or somebody else may have a token.
///
/// It counts at once, and whatever watches by them ends within a second. Personal access tokens stay; `DELETE …/tokens/{token_id}`
/// ends those.
#[utoipa::path(post, path = "/v1/sign-out/everywhere", operation_id = "sign_out_everywhere", tag = "identity",
    responses((status = NO_CONTENT, description = "Signed out everywhere")))]
pub(super) async fn sign_out_everywhere(State(hub): State<Hub>, user: User) -> Result<StatusCode, Failed> {
    sign_out::sign_out_everywhere(&hub, &user.who, Some(user.request_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
