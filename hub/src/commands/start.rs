//! What every command that works on the database begins with: configuration, keys, the hub's handles, and the checks that
//! must hold before anything is served.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;

use super::{database, migrate, store};
use crate::{
    adapters::{
        aws,
        blobs::BlobError,
        collector,
        keys::{Keys, KeysError},
        models::responses::ResponsesApi,
        queue::{PROBE, Queue, QueueError, Way, sqs::Sqs},
    },
    audit::{
        self,
        breach::{AuditError, check_not_behind},
    },
    clock::SystemClock,
    config::{Config, ConfigError},
    error::Error,
    hub::{Hub, Parts},
    storage::{Db, Schema},
    telemetry::{Spans, TelemetryError},
    turns::{offline::Offline, planner::Planner, runtime::AgentRuntime},
};

/// How often metrics are summed up: what the exporter itself would do.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Why the hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Telemetry cannot start.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A key cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database is older than this program.
    #[error("{0} migrations are missing: run `hub migrate`, or start with `hub serve --migrate`")]
    Pending(usize),
    /// The database is newer than this program.
    #[error(
        "this database was migrated by a newer hub: it has migration {version}, and this program knows none after {known}; \
         run the newer program, or put back a backup from before"
    )]
    Newer {
        /// The newest migration of the database.
        version: i64,
        /// The newest of this program.
        known: i64,
    },
    /// The database was migrated with other statements.
    #[error(
        "this database was made by another build of the hub: its migration {0} is not the one of this program; run the \
         program that made it, or put back a backup that this one made"
    )]
    Different(i64),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}; is another hub running? HUB_HTTP__LISTEN chooses another address")]
    Listen(std::net::SocketAddr, #[source] std::io::Error),
    /// The worker's address cannot be listened on.
    #[error(
        "cannot listen on {0}: {1}; is another worker running? HUB_WORKER__LISTEN chooses another address, or none"
    )]
    WorkerListen(std::net::SocketAddr, #[source] std::io::Error),
    /// The audit log and the database do not belong together.
    #[error("the audit log: {0}")]
    Audit(String),
    /// The queue is not there, or not for us.
    #[error("{}: {error}{}", .error.summary(), .error.advice())]
    Queue {
        /// What it said.
        error: QueueError,
    },
    /// The store of artifacts is not there, or not for us.
    #[error("the store of artifacts: {0}")]
    Artifacts(BlobError),
    /// Something failed.
    #[error("{}", .0.in_full())]
    Failed(#[from] Error),
}

/// The handles of a command, with nothing running. The database must be migrated.
pub async fn open(config: Config) -> Result<Hub, StartError> {
    open_with(config, None, false).await
}

/// The same for `serve` and `worker`, which record metrics and may migrate first.
pub async fn open_with(
    config: Config,
    metrics: Option<PrometheusHandle>,
    may_migrate: bool,
) -> Result<Hub, StartError> {
    if may_migrate {
        migrate::bring_up(&config.database).await?;
    }
    let db = Db::new(&config.database, Arc::new(SystemClock))?;
    check_schema(db.schema().await?)?;
    db.check_row_level_security().await?;
    database::warn(&db).await?;
    let keys = open_keys(&config, &db).await?;
    db.close().await;
    Ok(assemble(config, keys, metrics)?)
}

/// Refuses a schema that is not the one of this program.
pub fn check_schema(schema: Schema) -> Result<(), StartError> {
    match schema {
        Schema::Current => Ok(()),
        Schema::Older { missing } => Err(StartError::Pending(missing)),
        Schema::Newer { version, known } => Err(StartError::Newer { version, known }),
        Schema::Different { version } => Err(StartError::Different(version)),
    }
}

/// Keys are made for a database without agents only: beside data, a missing key is a lost key.
async fn open_keys(config: &Config, db: &Db) -> Result<Keys, StartError> {
    let is_empty = db.begin_system().await?.identity().agents().await?.is_empty();
    Ok(Keys::open(config, is_empty)?)
}

/// Puts the handles together. Nothing is looked at yet.
pub fn assemble(config: Config, keys: Keys, metrics: Option<PrometheusHandle>) -> Result<Hub, ConfigError> {
    let runtime = runtime(&config)?;
    Hub::new(Parts {
        config,
        clock: Arc::new(SystemClock),
        keys,
        runtime,
        metrics,
    })
}

/// What thinks: the planner where a model is configured, else the offline rules.
fn runtime(config: &Config) -> Result<Arc<dyn AgentRuntime>, ConfigError> {
    if config.model.is_set() {
        let model = Arc::new(ResponsesApi::new(&config.model)?);
        Ok(Arc::new(Planner::new(model, &config.model)))
    } else {
        Ok(Arc::new(Offline))
    }
}

/// Starts sending traces to their collector, where there is one.
pub fn send_traces(hub: &Hub, spans: Option<Spans>) -> Result<(), StartError> {
    let Some(spans) = spans else { return Ok(()) };
    collector::start(&hub.lifecycle, &hub.config.telemetry, spans)
        .map_err(|error| Error::because("traces cannot be sent", error).into())
}

/// Opens the audit store and starts keeping the log. A database that is older than the store, or tells another history, is
/// refused, and so is a store that only a person can mend; one that is away only delays.
pub async fn keep_audit_log(hub: &Hub) -> Result<(), StartError> {
    let store = store::audit(&hub.config, &hub.clock)
        .await
        .map_err(StartError::Audit)?;
    let checked = match store.probe().await {
        Ok(()) => check_not_behind(hub, &*store).await,
        Err(error) => Err(error.into()),
    };
    match checked {
        Ok(()) => {}
        Err(error @ AuditError::Store(_)) => {
            tracing::warn!(error = error.chain(), "the audit store is away; its entries wait");
        }
        Err(AuditError::Refused(error)) => return Err(StartError::Audit(error.to_string())),
        Err(error) => return Err(StartError::Audit(error.chain())),
    }
    hub.audit.tell_store(store.describe());
    audit::run::start(hub, store);
    Ok(())
}

/// Looks at the store of artifacts. One that only a person can mend is refused; one that is away is said, and all else goes on.
pub async fn look_at_artifacts(hub: &Hub) -> Result<(), StartError> {
    match hub.blobs.probe().await {
        Ok(()) | Err(BlobError::Away(_)) => Ok(()),
        Err(error) => Err(StartError::Artifacts(error)),
    }
}

/// The queue that the configuration names. One that does not exist or does not permit the hub is refused, for only a person can
/// mend that; one that is away only delays.
pub async fn open_queue(hub: &Hub) -> Result<Option<Arc<dyn Queue>>, StartError> {
    let Some(queue) = find_queue(&hub.config).await else {
        return Ok(None);
    };
    hub.queue.begin();
    let examined = async {
        examine_queue(&*queue).await?;
        // Sending has a permission of its own, and nothing else shows whether it is there.
        queue.send(&[PROBE.to_owned()]).await
    };
    match examined.await {
        Ok(_) => tracing::info!(queue.url = queue.describe(), "the queue answers"),
        Err(error) if error.fault.is_outage() => {
            hub.queue.failed(Way::Sending, hub.clock.now(), &error);
        }
        Err(error) => return Err(StartError::Queue { error }),
    }
    Ok(Some(queue))
}

/// The queue, where there is one; nothing is asked of it.
pub async fn find_queue(config: &Config) -> Option<Arc<dyn Queue>> {
    if !config.queue.is_set() {
        return None;
    }
    let sdk = aws::connect(&config.aws, None).await;
    let patience = Duration::from_millis(config.aws.timeout_ms);
    Some(Arc::new(Sqs::new(&sdk, &config.queue, patience)))
}

/// Whether the queue and its dead-letter queue answer. Returns how many messages wait and how many are dead.
pub async fn examine_queue(queue: &dyn Queue) -> Result<(u64, Option<u64>), QueueError> {
    Ok((queue.waiting().await?, queue.dead_letters().await?))
}

/// Histograms hold every value until they are told to sum up, scraped or not.
pub fn keep_metrics_small(hub: &Hub) {
    let (metrics, life) = (hub.metrics.clone(), hub.lifecycle.clone());
    hub.lifecycle.spawn(async move {
        while let Some(metrics) = &metrics {
            tokio::select! {
                () = tokio::time::sleep(UPKEEP_EVERY) => metrics.run_upkeep(),
                () = life.closing() => return,
            }
        }
    });
}
