//! `PATCH /v1/agents/{agent_id}/members/{user_id}`

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::MemberPath;
use crate::{
    error::Error,
    http::{
        caller::{May, perm},
        extract::{Json, Path},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{Ended, Member, Role, update_member::update_member as update},
};

/// What somebody becomes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateMemberRequest {
    /// What they may do: `admin`, `member`, `guest`, or `blocked`, which is nothing.
    role: Role,
}

/// A member, and what ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UpdatedMember {
    /// The member as they are now.
    member: Member,
    /// What their former role had allowed, and ended with it.
    ended: Ended,
}

/// Change what somebody may do. An admin makes guests and members of each other, and blocks them; only the owner makes or changes
/// admins, and lets the blocked back in. Nobody changes the owner, nor themselves. It counts at once, and what a blocked user watches
/// ends within a second; their personal tokens and devices are revoked for good.
#[utoipa::path(patch, path = "/v1/agents/{agent_id}/members/{user_id}", operation_id = "update_member", tag = "members",
    params(AgentPath, MemberPath), request_body = UpdateMemberRequest,
    responses((status = OK, description = "The member as they are now", body = UpdatedMember)))]
pub(super) async fn update_member(
    may: May<perm::MembersWrite>,
    State(hub): State<Hub>,
    Path(path): Path<MemberPath>,
    Json(body): Json<UpdateMemberRequest>,
) -> Result<Json<UpdatedMember>, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    let ended = update(&mut tx, &may.caller, path.user_id, body.role).await?;
    let member = tx.identity().member(path.user_id).await?;
    let member = member.ok_or(Error::NotFound { what: "member" })?;
    tx.commit().await?;
    Ok(Json(UpdatedMember { member, ended }))
}
