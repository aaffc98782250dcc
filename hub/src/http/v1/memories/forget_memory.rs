//! `POST /v1/agents/{agent_id}/memories/{memory_id}/forget`

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    erasures::Target,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        idempotency::{Answer, Key},
        problem::Failed,
        v1::{
            AgentPath,
            erasures::{ForgetAnswer, carry_out},
        },
    },
    hub::Hub,
    ids::MemoryId,
};

/// The memory of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct MemoryPath {
    /// The memory.
    pub(super) memory_id: MemoryId,
}

/// How to forget a memory.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ForgetMemoryRequest {
    /// Only say what would go.
    dry_run: bool,
    /// Leave what was said in the log, and forget the memory alone.
    keep_sources: bool,
}

/// Forget a memory, what was said that it came from, and all else that came of that.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/memories/{memory_id}/forget", operation_id = "forget_memory", tag = "memories",
    params(AgentPath, MemoryPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = ForgetMemoryRequest, responses((status = OK, description = "What went, or would go", body = ForgetAnswer)))]
pub(super) async fn forget_memory(
    may: May<perm::ErasuresWrite>,
    State(hub): State<Hub>,
    Path(path): Path<MemoryPath>,
    key: Key,
    Json(body): Json<ForgetMemoryRequest>,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.memory_id);
    let once = key.once(caller, "forget_memory", StatusCode::OK, &(id, &body))?;
    let target = Target::Memory {
        id,
        keeps_sources: body.keep_sources,
    };
    Ok(carry_out(&hub, caller, once, target, body.dry_run).await?)
}
