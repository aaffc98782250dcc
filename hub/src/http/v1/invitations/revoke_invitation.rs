//! `DELETE /v1/agents/{agent_id}/invitations/{invitation_id}`

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        caller::{May, perm},
        extract::Path,
        problem::Failed,
        v1::AgentPath,
    },
    hub::Hub,
    identity::revoke_invitation::revoke_invitation as revoke,
    ids::InvitationId,
};

/// The invitation of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct InvitationPath {
    /// The invitation.
    invitation_id: InvitationId,
}

/// Revoke an invitation that you could make yourself: its code is good for nothing from now on. One that was accepted or has ended
/// stays as it is; who came with it is a member.
#[utoipa::path(delete, path = "/v1/agents/{agent_id}/invitations/{invitation_id}", operation_id = "revoke_invitation",
    tag = "members", params(AgentPath, InvitationPath), responses((status = NO_CONTENT, description = "Revoked")))]
pub(super) async fn revoke_invitation(
    may: May<perm::MembersWrite>,
    State(hub): State<Hub>,
    Path(path): Path<InvitationPath>,
) -> Result<StatusCode, Failed> {
    let mut tx = hub.db.begin(may.caller.tx_scope(), may.caller.actor()).await?;
    revoke(&mut tx, &may.caller, path.invitation_id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
