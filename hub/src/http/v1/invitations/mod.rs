//! `/v1/agents/{agent_id}/invitations`, and accepting one

mod accept_invitation;
mod create_invitation;
mod list_invitations;
mod revoke_invitation;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(
            list_invitations::list_invitations,
            create_invitation::create_invitation
        ))
        .routes(routes!(revoke_invitation::revoke_invitation))
        .routes(routes!(accept_invitation::accept_invitation))
}
