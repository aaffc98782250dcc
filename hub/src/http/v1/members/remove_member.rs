//! `DELETE /v1/agents/{agent_id}/members/{user_id}`

use axum::extract::State;

use super::MemberPath;
use crate::{
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{Ended, remove_member::remove_member as remove},
};

/// Remove somebody: an admin members and guests, the owner everybody else. What they watch ends within a second; their personal
/// tokens, open invitations, delegations and personal devices are revoked, and nothing of it comes back when they are invited again. What the agent
/// remembers of them stays.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/members/{user_id}", operation_id = "remove_member", tag = "members",
    params(AgentPath, MemberPath), responses((status = OK, description = "What ended with the membership", body = Ended)))]
pub(super) async fn remove_member(
    may: May<perm::MembersWrite>,
    State(hub): State<Hub>,
    Path(path): Path<MemberPath>,
) -> Result<Json<Ended>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let ended = remove(&mut tx, &may.caller, path.user_id).await?;
    tx.commit().await?;
    Ok(Json(ended))
}
