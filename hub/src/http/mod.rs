//! The REST edge.

mod arrival;
pub mod bodies;
pub mod caller;
mod declared;
pub mod document;
pub mod extract;
pub mod health;
pub mod idempotency;
pub mod layers;
mod patient;
pub mod peer;
pub mod problem;
mod refusals;
pub mod serve;
mod sse;
mod strict;
pub mod v1;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, Method, header},
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use tower_http::cors::CorsLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::declared::Declared;
use crate::{error::Error, hub::Hub};

/// Everything that is served, satellites' sockets among it.
pub fn router(hub: &Hub) -> Router {
    let (routes, document) = documented().split_for_parts();
    let document = document::finish(document);
    let json = document.to_json().unwrap_or_default();
    let declared = Arc::new(Declared::by(&document));
    routes
        .route(
            "/openapi.json",
            get(move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], json.clone()))),
        )
        .route(
            "/v1/satellites/connect",
            get(crate::satellite::connection::connect),
        )
        .route("/v1/consoles/connect", get(crate::satellite::console::connect))
        .route(v1::pairings::PAGE, get(v1::pairings::verification_page))
        .fallback(|| std::future::ready(problem::Failed(Error::NotFound { what: "path" })))
        .method_not_allowed_fallback(|| std::future::ready(problem::WrongMethod))
        .layer(from_fn_with_state(
            (hub.clone(), Arc::clone(&declared)),
            declared::keep_to_it,
        ))
        .layer(from_fn_with_state(
            (hub.clone(), declared),
            refusals::written_down,
        ))
        .layer(from_fn(caller::only_at_agents))
        .layer(from_fn_with_state(hub.clone(), layers::around))
        .layer(cors(hub))
        .with_state(hub.clone())
}

/// What a process says of itself that serves nobody: `/healthz`, `/readyz`, `/metrics`.
pub fn operations(hub: &Hub) -> Router {
    about_the_process()
        .split_for_parts()
        .0
        .fallback(|| std::future::ready(problem::Failed(Error::NotFound { what: "path" })))
        .method_not_allowed_fallback(|| std::future::ready(problem::WrongMethod))
        .layer(from_fn(caller::only_at_agents))
        .layer(from_fn_with_state(hub.clone(), layers::around))
        .with_state(hub.clone())
}

/// The OpenAPI document of what is served.
#[must_use]
pub fn document() -> OpenApi {
    document::finish(documented().split_for_parts().1)
}

fn documented() -> OpenApiRouter<Hub> {
    OpenApiRouter::with_openapi(document::base())
        .merge(about_the_process())
        .merge(v1::routes())
}

fn about_the_process() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// Browsers may call from the origins that are configured, and from no other.
fn cors(hub: &Hub) -> CorsLayer {
    let origins: Vec<HeaderValue> = hub
        .config
        .http
        .allowed_origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok())
        .collect();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            idempotency::IDEMPOTENCY_KEY,
            layers::REQUEST_ID,
            sse::LAST_EVENT_ID,
            caller::DELEGATION,
        ])
        .expose_headers([layers::REQUEST_ID])
}
