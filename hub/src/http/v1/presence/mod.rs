//! `/v1/agents/{agent_id}/presence`

mod list_past_presence;
mod list_presence;
mod remove_presence;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    hub::Hub,
    ids::{PresenceId, SpaceId},
};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_presence::list_presence))
        .routes(routes!(list_past_presence::list_past_presence))
        .routes(routes!(remove_presence::remove_presence))
}

/// The presence of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct PresencePath {
    /// The presence.
    presence_id: PresenceId,
}

/// Which presence.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PresenceQuery {
    /// In this space only.
    space_id: Option<SpaceId>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most: 1 to 200, 50 if not said.
    limit: Option<u32>,
}
