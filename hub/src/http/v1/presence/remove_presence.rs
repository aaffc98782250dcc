//! `DELETE /v1/agents/{agent_id}/presence/{presence_id}`

use axum::{extract::State, http::StatusCode};

use super::PresencePath;
use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    recognition::leave::remove,
};

/// Say that somebody is not there any more: yourself, or as owner or admin anybody.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/presence/{presence_id}", operation_id = "remove_presence",
    tag = "recognition", params(AgentPath, PresencePath), responses((status = NO_CONTENT, description = "They are not there")))]
pub(super) async fn remove_presence(
    may: May<perm::RecognitionDecide>,
    State(hub): State<Hub>,
    Path(path): Path<PresencePath>,
) -> Result<StatusCode, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    remove(&mut tx, &may.caller, path.presence_id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
