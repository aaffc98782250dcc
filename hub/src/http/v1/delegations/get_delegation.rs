//! `GET /v1/agents/{agent_id}/delegations/{delegation_id}`

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    delegations::Delegation,
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::DelegationId,
};

/// The delegation of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct DelegationPath {
    /// The delegation.
    pub(super) delegation_id: DelegationId,
}

/// Get a delegation, with how much of it was used.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/delegations/{delegation_id}", operation_id = "get_delegation",
    tag = "delegations", params(AgentPath, DelegationPath),
    responses((status = OK, description = "The delegation", body = Delegation)))]
pub(super) async fn get_delegation(
    may: May<perm::DelegationsRead>,
    State(hub): State<Hub>,
    Path(path): Path<DelegationPath>,
) -> Result<Json<Delegation>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let found = tx
        .delegations()
        .find(may.caller.delegation(), path.delegation_id)
        .await?;
    Ok(Json(found.ok_or(Error::NotFound { what: "delegation" })?))
}
