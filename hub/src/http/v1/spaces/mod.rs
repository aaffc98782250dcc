//! `/v1/agents/{agent_id}/spaces`

mod create_space;
mod get_space;
mod list_spaces;
mod update_space;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, ids::SpaceId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_spaces::list_spaces, create_space::create_space))
        .routes(routes!(get_space::get_space, update_space::update_space))
}

/// The space of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SpacePath {
    /// The space.
    space_id: SpaceId,
}
