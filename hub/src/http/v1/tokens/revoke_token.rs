//! `DELETE /v1/agents/{agent_id}/tokens/{token_id}`

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::revoke_token::revoke_token as revoke,
    ids::TokenId,
};

/// The token of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TokenPath {
    /// The token.
    token_id: TokenId,
}

/// Revoke a personal access token of yours, or of anybody as the owner: it is refused from now on, and what watches with it ends
/// within a second.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/tokens/{token_id}", operation_id = "revoke_token", tag = "tokens",
    params(AgentPath, TokenPath), responses((status = NO_CONTENT, description = "Revoked")))]
pub(super) async fn revoke_token(
    may: May<perm::TokensWrite>,
    State(hub): State<Hub>,
    Path(path): Path<TokenPath>,
) -> Result<StatusCode, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    revoke(&mut tx, &may.caller, path.token_id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
