//! `POST /v1/agents/{agent_id}/memories/{memory_id}/share`

use axum::{extract::State, http::StatusCode};

use super::forget_memory::MemoryPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    memory::{Memory, share::share},
};

/// Share a memory that is yours alone with the household. Only the memory: what was said that it came from stays yours. It is not
/// taken back, but by forgetting it.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/memories/{memory_id}/share", operation_id = "share_memory", tag = "memories",
    params(AgentPath, MemoryPath,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    responses((status = OK, description = "The memory, which is the household's now", body = Memory)))]
pub(super) async fn share_memory(
    may: May<perm::MemoriesShare>,
    State(hub): State<Hub>,
    Path(path): Path<MemoryPath>,
    key: Key,
) -> Result<Answer, Failed> {
    let (caller, id) = (&may.caller, path.memory_id);
    let once = key.once(caller, "share_memory", StatusCode::OK, &id)?;
    Ok(once.run(&hub, async |tx| share(tx, caller, id).await).await?)
}
