//! What every command that works on the database begins with: configuration, keys, the hub's handles, and the checks that
//! must hold before anything is served.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    adapters::{
        keys::{Keys, KeysError},
        models::responses::ResponsesApi,
        worm::{Deadline, WriteOnceDirectory, WriteOnceStore},
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
    telemetry::TelemetryError,
    turns::{offline::Offline, planner::Planner, runtime::AgentRuntime},
};

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
    /// The audit log and the database do not belong together.
    #[error("the audit log: {0}")]
    Audit(String),
    /// Something failed.
    #[error("{}", .0.chain())]
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
    let db = Db::new(&config.database, Arc::new(SystemClock))?;
    match check_schema(db.schema().await?) {
        Err(StartError::Pending(_)) if may_migrate => db.migrate().await?,
        checked => checked?,
    }
    db.check_row_level_security().await?;
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

/// Opens the audit store and starts keeping the log. A database that is older than the store, or tells another history, is
/// refused; a store that is away only delays.
pub async fn keep_audit_log(hub: &Hub) -> Result<(), StartError> {
    let directory = hub.config.dir.join("audit");
    let store = WriteOnceDirectory::create(&directory)
        .map_err(|error| StartError::Audit(format!("{}: {error}", directory.display())))?;
    let store: Arc<dyn WriteOnceStore> = Arc::new(Deadline::new(store));
    match check_not_behind(hub, &*store).await {
        Ok(()) => {}
        Err(AuditError::Store(error)) => {
            tracing::warn!(error = %error, "the audit store is away; its entries wait");
        }
        Err(error) => return Err(StartError::Audit(error.chain())),
    }
    audit::run::start(hub, store);
    Ok(())
}
