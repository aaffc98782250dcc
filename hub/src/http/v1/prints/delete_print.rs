//! `DELETE /v1/agents/{agent_id}/people/{person_id}/prints/{print_id}`

use axum::{extract::State, http::StatusCode};

use super::PrintPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    recognition::delete_print,
};

/// Delete a print, with all that was recognised of them by its modality: your own, or as owner or admin anybody's.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/people/{person_id}/prints/{print_id}", operation_id = "delete_print",
    tag = "recognition", params(AgentPath, PrintPath), responses((status = NO_CONTENT, description = "It is gone")))]
pub(super) async fn delete_print(
    may: May<perm::RecognitionDecide>,
    State(hub): State<Hub>,
    Path(path): Path<PrintPath>,
) -> Result<StatusCode, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    delete_print::delete_print(&mut tx, &may.caller, path.whose()?, path.print_id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
