//! Is it alive, is it ready, what does it count.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Json;
use crate::{
    adapters::{
        blobs::{BlobReport, Blobs},
        queue::QueueReport,
    },
    audit::status::{AuditHealth, AuditReport},
    clock::DateTime,
    error::Result,
    hub::Hub,
    turns::runtime::{self, Standing},
};

/// Alive: the process answers.
#[utoipa::path(get, path = "/healthz", operation_id = "get_health", tag = "operations",
    responses((status = OK, description = "Alive", body = Health)))]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Alive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `alive`.
    status: &'static str,
}

/// Ready, and what it needs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether requests will be served.
    is_ready: bool,
    /// The database: `ok`, or what is wrong with it.
    database: String,
    /// The audit log. Entries that wait delay nothing; a log that has stopped needs a person, and the hub is not ready.
    audit: AuditReadiness,
    /// The queue. While it is away jobs are found by polling, and the hub is ready.
    queue: QueueReadiness,
    /// The store of artifacts. While it is away uploads and downloads wait, and the hub is ready.
    artifacts: ArtifactsReadiness,
    /// The model, as this process knows; null where none is configured. While it is away the hub goes on.
    model: Option<ModelReadiness>,
    /// Whether the process is shutting down.
    is_closing: bool,
}

/// How the queue is doing, as this process knows.
#[derive(Debug, Serialize, ToSchema)]
struct QueueReadiness {
    /// `none` (the table of jobs is the queue), `ok` or `delayed` (it is away; nothing is lost).
    health: &'static str,
    /// What is in the way; null where nothing is.
    problem: Option<&'static str>,
}

impl From<QueueReport> for QueueReadiness {
    fn from(report: QueueReport) -> Self {
        let problem = report.trouble();
        let health = match (report.is_used, problem) {
            (false, _) => "none",
            (true, None) => "ok",
            (true, Some(_)) => "delayed",
        };
        Self { health, problem }
    }
}

/// How the store of artifacts is doing, as this process knows.
#[derive(Debug, Serialize, ToSchema)]
struct ArtifactsReadiness {
    /// `directory` or `s3`.
    kind: &'static str,
    /// `unasked` (by this process, so far), `answers`, `away` or `refuses` (somebody has to mend it).
    health: &'static str,
    /// What is in the way; null where it answers.
    problem: Option<&'static str>,
}

impl From<&Blobs> for ArtifactsReadiness {
    fn from(blobs: &Blobs) -> Self {
        let report = blobs.report();
        let health = match report {
            BlobReport::Unasked => "unasked",
            BlobReport::Answers => "answers",
            BlobReport::Away => "away",
            BlobReport::Refuses => "refuses",
        };
        Self {
            kind: blobs.kind(),
            health,
            problem: report.trouble(),
        }
    }
}

/// How the model is doing, as this process knows: it is not asked for this.
#[derive(Debug, Serialize, ToSchema)]
struct ModelReadiness {
    /// `unasked` (by this process, so far), `answers`, `away` or `refuses` (somebody has to correct the configuration).
    health: &'static str,
    /// What is in the way; null where it answers.
    problem: Option<&'static str>,
    /// Since when it is so.
    since: Option<DateTime>,
}

/// How the audit log is doing, as this process knows.
#[derive(Debug, Serialize, ToSchema)]
struct AuditReadiness {
    /// `kept`, `delayed` (the store or the database is away; nothing is lost) or `stopped` (a person has to look).
    health: &'static str,
    /// What is in the way; null where the log is kept.
    problem: Option<String>,
    /// Entries that have no place in the signed log yet.
    waiting_entries: u64,
    /// Entries that are signed and not yet in the store.
    unpublished_entries: u64,
    /// When the log was last signed.
    sequenced_at: Option<DateTime>,
    /// When the store was last written.
    published_at: Option<DateTime>,
    /// What keeps the log from being changed; null before the store was looked at.
    store: Option<AuditStoreReadiness>,
}

/// The write-once store of the audit log.
#[derive(Debug, Serialize, ToSchema)]
struct AuditStoreReadiness {
    /// `directory` or `s3`.
    kind: &'static str,
    /// Whether somebody other than the hub keeps its objects from being changed.
    is_enforced: bool,
    /// What that protects against, and what not: no more than the hub has found.
    protection: String,
}

/// Ready to serve: the database answers, the audit log has not stopped and the process is not closing.
#[utoipa::path(get, path = "/readyz", operation_id = "get_readiness", tag = "operations", responses(
    (status = OK, description = "Ready", body = Readiness),
    (status = SERVICE_UNAVAILABLE, description = "Not ready", body = Readiness)))]
pub(super) async fn readyz(State(hub): State<Hub>) -> impl IntoResponse {
    let database = said(database(&hub).await);
    let is_closing = hub.lifecycle.is_closing();
    let audit = hub.audit.report();
    let is_ready = database == "ok" && audit.health() != AuditHealth::Stopped && !is_closing;
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Readiness {
            is_ready,
            database,
            audit: AuditReadiness::from(audit),
            queue: QueueReadiness::from(hub.queue.report()),
            artifacts: ArtifactsReadiness::from(&hub.blobs),
            model: hub.runtime.standing().map(ModelReadiness::from),
            is_closing,
        }),
    )
}

impl From<Standing> for ModelReadiness {
    fn from(standing: Standing) -> Self {
        let (health, problem) = match standing.health {
            runtime::Health::Unasked => ("unasked", None),
            runtime::Health::Answers => ("answers", None),
            runtime::Health::Away => (
                "away",
                Some("it is not reachable, too slow, overloaded or broken"),
            ),
            runtime::Health::Refuses => (
                "refuses",
                Some("see model.api_key, model.name and model.base_url"),
            ),
        };
        Self {
            health,
            problem,
            since: standing.since,
        }
    }
}

impl From<AuditReport> for AuditReadiness {
    fn from(report: AuditReport) -> Self {
        let health = match report.health() {
            AuditHealth::Kept => "kept",
            AuditHealth::Delayed => "delayed",
            AuditHealth::Stopped => "stopped",
        };
        Self {
            health,
            problem: report.worst_trouble().map(|trouble| trouble.summary.clone()),
            waiting_entries: report.waiting_entries,
            unpublished_entries: report.unpublished_entries,
            sequenced_at: report.sequenced_at,
            published_at: report.published_at,
            store: report.store.map(|store| AuditStoreReadiness {
                kind: store.kind.as_str(),
                is_enforced: store.is_enforced,
                protection: store.protection,
            }),
        }
    }
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
