//! `/v1/agents/{agent_id}/sessions`

mod forget_session;
mod get_session;
mod list_sessions;
mod update_session;

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{hub::Hub, ids::SessionId};

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions::list_sessions))
        .routes(routes!(get_session::get_session, update_session::update_session))
        .routes(routes!(forget_session::forget_session))
}

/// The session of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct SessionPath {
    /// The session's id.
    session_id: SessionId,
}
