//! `GET /v1/agents/{agent_id}/erasures/{erasure_id}`

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    erasures::{
        Erasure,
        read::read,
        receipt::{Backups, Receipt, backups},
    },
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    ids::ErasureId,
};

/// The erasure of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ErasurePath {
    /// The erasure.
    erasure_id: ErasureId,
}

/// What was forgotten, with the receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasureAnswer {
    /// How much, and when.
    erasure: Erasure,
    /// When the last backup is gone that may hold it.
    backups: Backups,
    /// The same, signed with the key of the audit log: keep it, and check it with `hub audit receipt FILE`.
    receipt: String,
}

/// Get what was forgotten, with a signed receipt. The receipt holds no content. The audit log tells who
/// has read it, once a minute at most.
#[utoipa::path(get, path = "/v1/agents/{agent_id}/erasures/{erasure_id}", operation_id = "get_erasure", tag = "erasures",
    params(AgentPath, ErasurePath), responses((status = OK, description = "What was forgotten", body = ErasureAnswer)))]
pub(super) async fn get_erasure(
    may: May<perm::ErasuresRead>,
    State(hub): State<Hub>,
    Path(path): Path<ErasurePath>,
) -> Result<Json<ErasureAnswer>, Failed> {
    let erasure = read(&hub, &may.caller, path.erasure_id).await?;
    let receipt = Receipt {
        agent_id: may.caller.agent,
        backups: backups(&erasure, hub.config.retention.backups()),
        erasure,
    };
    Ok(Json(ErasureAnswer {
        receipt: receipt.sign(&hub.keys.audit),
        backups: receipt.backups,
        erasure: receipt.erasure,
    }))
}
