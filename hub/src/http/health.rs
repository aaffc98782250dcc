//! Is it alive, is it ready, what does it count.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Json;
use crate::{error::Result, hub::Hub};

/// Alive: the process answers.
#[utoipa::path(get, path = "/healthz", operation_id = "get_health", tag = "operations",
    responses((status = OK, description = "Alive", body = Health)))]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `alive`.
    status: &'static str,
}

/// Ready, and what it needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether requests will be served.
    is_ready: bool,
    /// The database: `ok`, or what is wrong with it.
    database: String,
    /// The audit store: `ok`, or what is wrong with it. An outage delays, it does not make the hub unready.
    audit_store: String,
    /// Audit entries not yet in the store.
    audit_waiting: i64,
    /// Whether the process is shutting down.
    is_closing: bool,
}

/// Ready to serve: the database answers and the process is not closing.
#[utoipa::path(get, path = "/readyz", operation_id = "get_readiness", tag = "operations", responses(
    (status = OK, description = "Ready", body = Readiness),
    (status = SERVICE_UNAVAILABLE, description = "Not ready", body = Readiness)))]
pub(super) async fn readyz(State(hub): State<Hub>) -> impl IntoResponse {
    let database = said(database(&hub).await);
    let is_closing = hub.lifecycle.is_closing();
    let is_ready = database == "ok" && !is_closing;
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let (audit_store, audit_waiting) = ("ok".to_owned(), 0);
    (
        status,
        Json(Readiness {
            is_ready,
            database,
            audit_store,
            audit_waiting,
            is_closing,
        }),
    )
}

async fn database(hub: &Hub) -> Result<()> {
    let mut tx = hub.db.begin_system().await?;
    tx.identity().agents().await.map(drop)
}

fn said(checked: Result<()>) -> String {
    checked.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
}

/// Every metric, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "operations",
    responses((status = OK, description = "Metrics", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(hub): State<Hub>) -> impl IntoResponse {
    let text = hub
        .metrics
        .as_ref()
        .map_or_else(String::new, metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
