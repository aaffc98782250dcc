//! What was read from SSM and Secrets Manager, and how it joins the rest: beneath everything that is set.

use std::{path::PathBuf, time::Duration};

use figment::{Figment, value::Value};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Builder;

use super::{Config, ConfigError, USUAL, private_file, secrets::Wanted};
use crate::adapters::{
    aws::{self, Fault},
    secrets::{Secrets, Source},
};

/// Values with the keys that they are for.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    values: Vec<FetchedValue>,
    /// Files, and the variables of others that are to name them.
    files: Vec<(String, PathBuf)>,
}

/// A value from outside.
#[derive(Debug)]
pub(super) struct FetchedValue {
    pub(super) key: String,
    pub(super) source: String,
    value: SecretString,
}

/// Where the value of a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The key, or a variable for others.
    pub key: String,
    /// In words: the environment, the TOML file, or what was read outside.
    pub source: String,
}

/// Reads all that `config` names, on a runtime that ends with it. Nothing is asked where it names nothing.
pub(super) fn fetch(config: &Config, origins: &mut Vec<Origin>) -> Result<Fetched, ConfigError> {
    if config.secrets.is_empty() {
        return Ok(Fetched::default());
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("timers can be made at start");
    let fetched = runtime.block_on(fetch_in_time(config, origins));
    if !fetched.as_ref().is_ok_and(|fetched| !fetched.files.is_empty()) {
        // No variable is set, so a name that is still looked up holds up neither the start nor the word on why there is none.
        runtime.shutdown_background();
        return fetched;
    }
    // It joins the threads on which names were looked up: variables may be set only when nobody can read them meanwhile.
    drop(runtime);
    fetched.and_then(|fetched| fetched.expose_files().map(|()| fetched))
}

async fn fetch_in_time(config: &Config, origins: &mut Vec<Origin>) -> Result<Fetched, ConfigError> {
    let limit = Duration::from_millis(config.secrets.timeout_ms);
    let fetching = tokio::time::timeout(limit, Box::pin(fetch_all(config, origins)));
    fetching.await.unwrap_or_else(|_| {
        let problem = format!("what the section secrets names was not read within {limit:?}; see secrets.timeout_ms and the way to AWS");
        Err(ConfigError::Secrets { problem })
    })
}

async fn fetch_all(config: &Config, origins: &mut Vec<Origin>) -> Result<Fetched, ConfigError> {
    let secrets = Secrets::new(&aws::connect(&config.aws, None).await);
    let mut fetched = Fetched::default();
    for Wanted { variable, source } in config.secrets.wanted_values() {
        let key = key_of(&variable).map_err(|why| unfit(&variable, "secrets.values", why))?;
        let value = get(&secrets, "secrets.values", &source).await?;
        fetched.add(key, &source, value);
    }
    for wanted in config.secrets.wanted_files() {
        fetch_file(config, &secrets, &wanted, (&mut fetched, origins)).await?;
    }
    for source in config.secrets.wanted_parameters() {
        let text = get(&secrets, "secrets.parameters", &source).await?;
        for (variable, value) in lines(&source, &text)? {
            let key = key_of(&variable).map_err(|why| unfit(&variable, &source.to_string(), why))?;
            fetched.add(key, &source, value);
        }
    }
    Ok(fetched)
}

/// A file for a variable that is not set. The variable is a key of the hub's, or one that a library reads.
async fn fetch_file(
    config: &Config,
    secrets: &Secrets,
    Wanted { variable, source }: &Wanted,
    (fetched, origins): (&mut Fetched, &mut Vec<Origin>),
) -> Result<(), ConfigError> {
    let key = if variable.starts_with("HUB_") {
        Some(key_of(variable).map_err(|why| unfit(variable, "secrets.files", why))?)
    } else if private_file::is_set(variable) {
        let (key, source) = (variable.clone(), "environment".to_owned());
        origins.push(Origin { key, source });
        return Ok(());
    } else {
        None
    };
    let text = get(secrets, "secrets.files", source).await?;
    let path = private_file::write(&config.dir, variable, &text).map_err(|error| {
        let problem = format!(
            "{variable} could not be written to {}/secrets: {error}",
            config.dir.0.display()
        );
        ConfigError::Secrets { problem }
    })?;
    if let Some(key) = key {
        fetched.add(key, source, SecretString::from(path.display().to_string()));
    } else {
        fetched.files.push((variable.clone(), path));
        let (key, source) = (variable.clone(), format!("a file with {source}"));
        origins.push(Origin { key, source });
    }
    Ok(())
}

async fn get(secrets: &Secrets, key: &'static str, source: &Source) -> Result<SecretString, ConfigError> {
    let got = secrets.get(source).await;
    got.map_err(|fault| {
        let advice = match (&fault, source) {
            (Fault::Missing(_), _) => "create it, or correct the name",
            (Fault::Denied(_), Source::Parameter(_)) => {
                "the hub's credentials need ssm:GetParameter on it, and kms:Decrypt on its key"
            }
            (Fault::Denied(_), Source::Secret { .. }) => {
                "the hub's credentials need secretsmanager:GetSecretValue on it, and kms:Decrypt on its key"
            }
            (Fault::Away(_) | Fault::Throttled(_), _) => {
                "see aws.region, aws.endpoint_url and the way to AWS"
            }
            (Fault::Refused { .. }, _) => "correct it, or the name",
        };
        let problem = format!("{source}, which {key} names, cannot be read: {fault}; {advice}");
        ConfigError::Secrets { problem }
    })
}

/// The lines of a text in the format of `.env`. One that cannot be read is not shown.
fn lines(source: &Source, text: &SecretString) -> Result<Vec<(String, SecretString)>, ConfigError> {
    let lines = dotenvy::from_read_iter(text.expose_secret().as_bytes());
    let read = lines.enumerate().map(|(index, line)| {
        let (variable, value) = line.map_err(|_| {
            let number = index + 1;
            let problem = format!("{source}: its assignment {number} is not of the format of .env");
            ConfigError::Secrets { problem }
        })?;
        Ok((variable, SecretString::from(value)))
    });
    read.collect()
}

fn unfit(variable: &str, place: &str, why: &str) -> ConfigError {
    let problem = format!("{variable} in {place} {why}");
    ConfigError::Secrets { problem }
}

/// The key of a variable that may be kept outside.
fn key_of(variable: &str) -> Result<String, &'static str> {
    let usual = USUAL.iter().find(|(name, _)| *name == variable);
    let key = if let Some((_, key)) = usual {
        (*key).to_owned()
    } else {
        let named = variable
            .strip_prefix("HUB_")
            .and_then(|rest| rest.split_once("__"));
        let (section, key) = named.ok_or("is not a key of the hub (keys look like HUB_HTTP__LISTEN)")?;
        format!("{section}.{key}").to_lowercase()
    };
    if key.starts_with("secrets.") || key.starts_with("aws.") {
        return Err("is read before what is kept outside, so it must be set in the environment");
    }
    match default_of(&key) {
        Some(_) => Ok(key),
        None => Err("is not a key of the hub (keys look like HUB_HTTP__LISTEN)"),
    }
}

fn default_of(key: &str) -> Option<Value> {
    let defaults = Figment::from(figment::providers::Serialized::defaults(Config::default()));
    key.contains('.').then(|| defaults.find_value(key).ok()).flatten()
}

impl Fetched {
    fn expose_files(&self) -> Result<(), ConfigError> {
        let mut files = self.files.iter();
        files.try_for_each(|(variable, path)| private_file::expose(variable, path))
    }

    /// The first that says something counts.
    fn add(&mut self, key: String, source: &Source, value: SecretString) {
        if !value.expose_secret().is_empty() && !self.values.iter().any(|known| known.key == key) {
            let source = source.to_string();
            self.values.push(FetchedValue { key, source, value });
        }
    }

    /// Puts what is not `set` on top of the defaults.
    pub(super) fn join(&self, set: &Figment, mut all: Figment, origins: &mut Vec<Origin>) -> Figment {
        for fetched in self.values.iter().filter(|fetched| !is_set(set, &fetched.key)) {
            let text = fetched.value.expose_secret();
            let value = match default_of(&fetched.key) {
                // As it is: a password may look like a number.
                Some(Value::String(..)) => Value::from(text.to_owned()),
                _ => text.parse().unwrap_or_else(|never| match never {}),
            };
            all = all.merge((&fetched.key, value));
            let (key, source) = (fetched.key.clone(), fetched.source.clone());
            origins.push(Origin { key, source });
        }
        all
    }

    /// The value that is at fault, without it.
    pub(super) fn blame(&self, key: &str) -> Option<ConfigError> {
        let fetched = self.values.iter().find(|fetched| fetched.key == key)?;
        let problem = format!("{}: what it holds for {key} cannot be its value", fetched.source);
        Some(ConfigError::Secrets { problem })
    }
}

/// What is set to nothing is not set.
pub(super) fn is_set(set: &Figment, key: &str) -> bool {
    match set.find_value(key) {
        Ok(Value::String(_, text)) => !text.is_empty(),
        Ok(_) => true,
        Err(_) => false,
    }
}
