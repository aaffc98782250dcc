//! `POST /v1/agents/{agent_id}/members/leave`

use axum::extract::State;

use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{Ended, leave_agent::leave_agent as leave},
};

/// Leave the agent: your membership ends, with your personal tokens, open invitations, delegations and personal devices. The
/// owner transfers the ownership first. Sent again it finds you gone: 404.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/members/leave", operation_id = "leave_agent", tag = "members",
    params(AgentPath), responses((status = OK, description = "What ended with the membership", body = Ended)))]
pub(super) async fn leave_agent(
    may: May<perm::AgentsRead>,
    State(hub): State<Hub>,
) -> Result<Json<Ended>, Failed> {
    // A guest's leaving reaches turns of the household that name them, though they see none of it.
    let mut tx = hub.db.begin(may.caller.talk_scope(), may.caller.actor()).await?;
    let ended = leave(&mut tx, &may.caller).await?;
    tx.commit().await?;
    Ok(Json(ended))
}
