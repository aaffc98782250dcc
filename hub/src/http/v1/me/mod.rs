//! `/v1/me`

mod get_me;
mod update_password;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::hub::Hub;

pub(super) fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(get_me::get_me))
        .routes(routes!(update_password::update_password))
}
