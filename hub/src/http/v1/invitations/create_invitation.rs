//! `POST /v1/agents/{agent_id}/invitations`

use axum::{extract::State, http::StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    http::{
        caller::{May, perm},
        extract::Json,
        idempotency::{Answer, Key},
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::{
        Invitation, Role,
        create_invitation::{NewInvitation, create_invitation as create},
    },
};

/// Who is invited.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateInvitationRequest {
    /// What they become: `guest`, `member`, or `admin`, to whom only the owner invites.
    role: Role,
    /// What the agent will call them, 1 to 100 characters; their login name if not said.
    #[schema(example = "Bob")]
    name: Option<String>,
    /// Seconds that the code is good, 60 to 1209600 (14 days); three days if not said.
    expires_in_s: Option<u32>,
}

/// A new invitation with its code.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedInvitation {
    /// The invitation.
    invitation: Invitation,
    /// What they join with at `POST /v1/invitations/accept`, shown this once; absent from a repeated answer.
    #[schema(example = "ABCDE-FGHJK-LMNPQ-RSTUV")]
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

/// Invite somebody with a one-time code: an admin members and guests, the owner admins, too. It is good once, for a while, and as
/// long as you may invite to the role. At most 20 of yours are open.
#[utoipa::path(post, path = "/v1/agents/{agent_id}/invitations", operation_id = "create_invitation", tag = "members",
    params(AgentPath, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless for 24 h")),
    request_body = CreateInvitationRequest, responses((status = CREATED, description = "Made", body = CreatedInvitation)))]
pub(super) async fn create_invitation(
    may: May<perm::MembersWrite>,
    State(hub): State<Hub>,
    key: Key,
    Json(body): Json<CreateInvitationRequest>,
) -> Result<Answer, Failed> {
    let once = key.once(&may.caller, "create_invitation", StatusCode::CREATED, &body)?;
    let new = NewInvitation {
        role: body.role,
        name: body.name,
        expires_in_s: body.expires_in_s,
    };
    let created = once.run_keeping(&hub, async |tx| {
        let (invitation, code) = create(tx, &may.caller, new).await?;
        let kept = json!({"invitation": invitation});
        let code = Some(code.expose_secret().to_owned());
        Ok((CreatedInvitation { invitation, code }, Some(kept)))
    });
    Ok(created.await?)
}
