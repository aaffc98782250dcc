//! The one typed configuration: defaults, then `.hub/database-url`, then what is kept in SSM and Secrets Manager, then
//! `.hub/hub.toml`, then `.env`, then the environment; each later one wins.
//!
//! A key of section `audit` named `publish_every_ms` is `audit.publish_every_ms` in TOML and
//! `HUB_AUDIT__PUBLISH_EVERY_MS` in the environment. Unknown keys and bad values are refused by name.

mod artifacts;
mod audit;
mod aws;
mod bootstrap;
mod database;
mod database_url;
mod embeddings;
mod fetched;
mod http;
mod identity;
mod invocation;
mod log;
mod model;
mod place;
mod private_file;
mod proxy;
mod queue;
mod recognition;
mod retention;
mod satellite;
mod secrets;
mod telemetry;
mod worker;

use std::{
    borrow::Cow,
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

pub use artifacts::ArtifactsConfig;
pub use audit::{AuditConfig, RetentionMode};
pub use aws::AwsConfig;
pub use bootstrap::BootstrapConfig;
pub use database::DatabaseConfig;
pub use embeddings::EmbeddingsConfig;
pub use fetched::Origin;
pub use http::HttpConfig;
pub use identity::{IdentityConfig, IssuerConfig, is_safe as is_safe_issuer_url};
pub use invocation::program;
pub use log::{LogConfig, LogFormat};
pub use model::ModelConfig;
pub use place::{BucketAddress, Place, PlaceError};
pub use proxy::TrustedProxy;
pub use queue::QueueConfig;
pub use recognition::RecognitionConfig;
pub use retention::RetentionConfig;
pub use satellite::SatelliteConfig;
pub use secrets::SecretsConfig;
pub use telemetry::TelemetryConfig;
pub use worker::{OperationsListen, WorkerConfig};

use model::OPENAI;

/// Variables of one word that other parts read themselves; every other `HUB_…` must be a key.
const ONE_WORD: [&str; 6] = [
    "HUB_CA_FILE",
    "HUB_DIR",
    "HUB_POSTGRES_MAJOR",
    "HUB_TEST_AWS_URL",
    "HUB_TEST_DATABASE_URL",
    "HUB_TOKEN",
];

/// Variables that other programs know, too, and the keys that they set here.
const USUAL: [(&str, &str); 5] = [
    ("DATABASE_URL", "database.url"),
    ("OPENAI_API_KEY", "model.api_key"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "telemetry.otlp_headers"),
    ("OTEL_SERVICE_NAME", "telemetry.service_name"),
];

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder of keys, credentials and the directory stores. Its variable is `HUB_DIR`.
    pub dir: DataDir,
    /// Where the truth is.
    pub database: DatabaseConfig,
    /// The REST edge.
    pub http: HttpConfig,
    /// Who else vouches for people.
    pub identity: IdentityConfig,
    /// The satellite channel.
    pub satellite: SatelliteConfig,
    /// Jobs.
    pub worker: WorkerConfig,
    /// The queue that wakes workers on other machines.
    pub queue: QueueConfig,
    /// What was forgotten, on disks.
    pub retention: RetentionConfig,
    /// The language model.
    pub model: ModelConfig,
    /// What makes embeddings.
    pub embeddings: EmbeddingsConfig,
    /// Knowing people by voice and face.
    pub recognition: RecognitionConfig,
    /// How AWS is reached, where something of it is used.
    pub aws: AwsConfig,
    /// What is kept outside and read before the rest.
    pub secrets: SecretsConfig,
    /// The artifacts.
    pub artifacts: ArtifactsConfig,
    /// The audit log.
    pub audit: AuditConfig,
    /// What is said, and how.
    pub log: LogConfig,
    /// Where traces go.
    pub telemetry: TelemetryConfig,
    /// The first agent.
    pub bootstrap: BootstrapConfig,
    /// Where each value that is no default comes from; never the value.
    #[serde(skip)]
    pub origins: Vec<Origin>,
}

/// The data folder, `.hub` unless said otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataDir(pub PathBuf);

impl Default for DataDir {
    fn default() -> Self {
        Self(PathBuf::from(".hub"))
    }
}

impl DataDir {
    /// A path inside the folder.
    #[must_use]
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key or value is wrong; the text names it.
    #[error("configuration: {0}")]
    Figment(Box<figment::Error>),
    /// A variable begins with `HUB_` but is no key.
    #[error(
        "configuration: the environment variable {0} is not a key of the hub (keys look like HUB_HTTP__LISTEN)"
    )]
    UnknownVariable(String),
    /// The `.env` file cannot be read.
    #[error("configuration: .env: {0}")]
    DotEnv(#[from] dotenvy::Error),
    /// Nothing says where the database is.
    #[error("configuration: no database: set DATABASE_URL, or use scripts/run, which starts one")]
    NoDatabase,
    /// The file with the database's URL cannot be used.
    #[error("configuration: {}: {problem}", path.display())]
    DatabaseUrl {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// What is kept outside cannot be had or used.
    #[error("configuration: {problem}")]
    Secrets {
        /// What, why and what to do; never a value.
        problem: String,
    },
    /// A value is out of its bounds.
    #[error("configuration: {key} {problem}")]
    OutOfBounds {
        /// The key.
        key: &'static str,
        /// What is allowed.
        problem: Cow<'static, str>,
    },
}

impl Config {
    /// Reads the configuration of this process. What is kept outside is asked for once, within its own time. Variables may be
    /// set (from `.env`, and for files that are kept outside), so the process must have no other thread yet: call it before
    /// there is a runtime.
    pub fn load() -> Result<Self, ConfigError> {
        load_dot_env()?;
        if let Some(unknown) = unknown_variable() {
            return Err(ConfigError::UnknownVariable(unknown));
        }
        let dir = data_dir();
        let (defaults, set) = (defaults(&dir)?, set_here(&dir));
        let all = defaults.merge(set.clone());
        let before: Self = all.extract().map_err(unreadable)?;
        before.aws.check()?;
        before.secrets.check()?;
        let mut origins = origins(&set);
        let fetched = fetched::fetch(&before, &mut origins)?;
        let joined = fetched.join(&set, all, &mut origins).extract();
        let mut config: Self = joined.map_err(|error: figment::Error| {
            // Without what was fetched it could be read.
            fetched
                .blame(&error.path.join("."))
                .unwrap_or_else(|| unreadable(error))
        })?;
        config.check().map_err(|error| match &error {
            ConfigError::OutOfBounds { key, .. } if !fetched::is_set(&set, key) => {
                fetched.blame(key).unwrap_or(error)
            }
            _ => error,
        })?;
        config.origins = origins;
        Ok(config)
    }

    /// Logs where each value comes from, and never the value.
    pub fn tell_origins(&self) {
        for Origin { key, source } in &self.origins {
            tracing::info!(config.key = key, config.source = source, "configured");
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.database.check()?;
        self.http.check()?;
        self.identity.check()?;
        self.satellite.check()?;
        self.worker.check()?;
        self.queue.check()?;
        self.retention.check()?;
        self.model.check()?;
        self.embeddings.check()?;
        self.recognition.check()?;
        self.aws.check()?;
        self.secrets.check()?;
        self.bootstrap.check()?;
        self.telemetry.check()?;
        self.artifacts.check()?;
        self.audit.check()
    }
}

/// What is set on this machine: in the TOML file, in `.env`, in the environment. A variable that is set to nothing is not set.
fn set_here(dir: &DataDir) -> Figment {
    let usual = |variable: &'static str, key: &'static str| {
        Env::raw()
            .only(&[variable])
            .filter(move |_| private_file::is_set(variable))
            .map(move |_| key.into())
    };
    let mut usual_ones = Figment::from(Toml::file(dir.join("hub.toml")));
    for (variable, key) in USUAL {
        usual_ones = usual_ones.merge(usual(variable, key));
    }
    usual_ones
        .merge(
            Env::prefixed("HUB_")
                .filter(|key| key.as_str().contains("__") && private_file::is_set(&format!("HUB_{key}")))
                .split("__"),
        )
        .merge(Serialized::default("dir", dir))
}

/// Where what is set on this machine comes from.
fn origins(set: &Figment) -> Vec<Origin> {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let sections = defaults.as_object().into_iter().flatten();
    let names = sections.flat_map(|(section, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, _)| format!("{section}.{key}"))
    });
    let is_set = |key: &String| fetched::is_set(set, key);
    let origin = |key: String| {
        let found = set.find_metadata(&key).map_or("", |found| &found.name);
        let source = if found.contains("environment") {
            "environment"
        } else {
            "hub.toml"
        };
        let source = source.to_owned();
        Origin { key, source }
    };
    names.filter(is_set).map(origin).collect()
}

fn unreadable(error: figment::Error) -> ConfigError {
    ConfigError::Figment(Box::new(error))
}

fn defaults(dir: &DataDir) -> Result<Figment, ConfigError> {
    let defaults = Figment::from(Serialized::defaults(Config::default()));
    Ok(match database_url::read(dir)? {
        Some(url) => defaults.merge(Serialized::default("database.url", url)),
        None => defaults,
    })
}

/// The data folder of this process: `HUB_DIR`, else `.hub`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the environment is read in config/")]
pub fn data_dir() -> DataDir {
    std::env::var_os("HUB_DIR").map_or_else(DataDir::default, |dir| DataDir(PathBuf::from(dir)))
}

/// The personal access token that the people's commands use in the place of a sign-in: `HUB_TOKEN`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the environment is read in config/")]
pub fn token() -> Option<SecretString> {
    let token = std::env::var("HUB_TOKEN").ok()?;
    (!token.trim().is_empty()).then(|| SecretString::from(token.trim()))
}

/// Defaults pass through a serializer; a secret never does.
fn hidden<S: Serializer>(_: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("")
}

/// Refuses a value outside its bounds.
fn within(holds: bool, key: &'static str, problem: &'static str) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        let problem = problem.into();
        Err(ConfigError::OutOfBounds { key, problem })
    }
}

/// Refuses a number outside its range.
fn between<T>(value: T, range: RangeInclusive<T>, key: &'static str) -> Result<(), ConfigError>
where
    T: Copy + PartialOrd + fmt::Display,
{
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(ConfigError::OutOfBounds {
        key,
        problem: format!("must be between {least} and {most}, not {value}").into(),
    })
}

fn load_dot_env() -> Result<(), ConfigError> {
    match dotenvy::dotenv() {
        Err(error) if !error.not_found() => Err(error.into()),
        _ => Ok(()),
    }
}

fn unknown_variable() -> Option<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names
        .filter(|name| name.starts_with("HUB_"))
        .find(|name| !name.contains("__") && !ONE_WORD.contains(&name.as_str()))
}

#[cfg(test)]
mod tests;
