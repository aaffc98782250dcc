//! The one typed configuration: defaults, then `.hub/database-url` and `.hub/hub.toml`, then `.env`, then the environment;
//! each later one wins.
//!
//! A key of section `audit` named `publish_every_ms` is `audit.publish_every_ms` in TOML and
//! `HUB_AUDIT__PUBLISH_EVERY_MS` in the environment. Unknown keys and bad values are refused by name.

mod audit;
mod aws;
mod bootstrap;
mod database;
mod database_url;
mod http;
mod invocation;
mod log;
mod model;
mod satellite;
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

pub use audit::AuditConfig;
pub use aws::AwsConfig;
pub use bootstrap::BootstrapConfig;
pub use database::DatabaseConfig;
pub use http::HttpConfig;
pub use invocation::program;
pub use log::{LogConfig, LogFormat};
pub use model::ModelConfig;
pub use satellite::SatelliteConfig;
pub use worker::WorkerConfig;

/// Variables of one word that other parts read themselves; every other `HUB_…` must be a key.
const ONE_WORD: [&str; 4] = [
    "HUB_DIR",
    "HUB_POSTGRES_MAJOR",
    "HUB_TEST_AWS_URL",
    "HUB_TEST_DATABASE_URL",
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
    /// The satellite channel.
    pub satellite: SatelliteConfig,
    /// Jobs.
    pub worker: WorkerConfig,
    /// The language model.
    pub model: ModelConfig,
    /// How AWS is reached, where something of it is used.
    pub aws: AwsConfig,
    /// The audit log.
    pub audit: AuditConfig,
    /// What is said, and how.
    pub log: LogConfig,
    /// The first agent.
    pub bootstrap: BootstrapConfig,
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
    /// Reads the configuration of this process.
    pub fn load() -> Result<Self, ConfigError> {
        load_dot_env()?;
        if let Some(unknown) = unknown_variable() {
            return Err(ConfigError::UnknownVariable(unknown));
        }
        let dir = data_dir();
        let config: Self = defaults(&dir)?
            .merge(Toml::file(dir.join("hub.toml")))
            .merge(Env::raw().only(&["DATABASE_URL"]).map(|_| "database.url".into()))
            .merge(
                Env::raw()
                    .only(&["OPENAI_API_KEY"])
                    .map(|_| "model.api_key".into()),
            )
            .merge(
                Env::prefixed("HUB_")
                    .filter(|key| key.as_str().contains("__"))
                    .split("__"),
            )
            .merge(Serialized::default("dir", &dir))
            .extract()
            .map_err(|error| ConfigError::Figment(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.database.check()?;
        self.http.check()?;
        self.satellite.check()?;
        self.worker.check()?;
        self.model.check()?;
        self.aws.check()?;
        self.bootstrap.check()?;
        self.audit.check()
    }
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
