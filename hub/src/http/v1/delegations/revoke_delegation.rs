//! `DELETE /v1/agents/{agent_id}/delegations/{delegation_id}`

use axum::{extract::State, http::StatusCode};

use super::get_delegation::DelegationPath;
use crate::{
    delegations::revoke_delegation::revoke_delegation as revoke,
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
};

/// Revoke a delegation and all that were made by it: they are refused from now on, and what watches with them ends within a second.
/// A delegate revokes those below its own.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/delegations/{delegation_id}", operation_id = "revoke_delegation",
    tag = "delegations", params(AgentPath, DelegationPath),
    responses((status = NO_CONTENT, description = "Revoked")))]
pub(super) async fn revoke_delegation(
    may: May<perm::DelegationsWrite>,
    State(hub): State<Hub>,
    Path(path): Path<DelegationPath>,
) -> Result<StatusCode, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    revoke(&mut tx, &may.caller, path.delegation_id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
