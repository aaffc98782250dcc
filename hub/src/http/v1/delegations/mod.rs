//! `/v1/agents/{agent_id}/delegations`

mod create_delegation;
mod get_delegation;
mod list_delegations;
mod revoke_delegation;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(
            list_delegations::list_delegations,
            create_delegation::create_delegation
        ))
        .routes(routes!(
            get_delegation::get_delegation,
            revoke_delegation::revoke_delegation
        ))
}
