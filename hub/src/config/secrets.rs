//! Where values of the configuration are kept outside: parameters of SSM and Secrets Manager. They are read before the rest, and
//! never override what is set in the environment, in `.env` or in the TOML file; what is set to nothing counts as unset.

use serde::{Deserialize, Serialize};

use super::{ConfigError, between, within};
use crate::adapters::secrets::Source;

/// Entries of a list at most.
const MOST: usize = 50;

/// The section `secrets`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsConfig {
    /// Names of SSM parameters whose value has the format of `.env`.
    pub parameters: Vec<String>,
    /// Single values, as `VARIABLE=SOURCE`.
    pub values: Vec<String>,
    /// Files: what is at the source is written to the private folder `secrets`, and the variable names the file.
    pub files: Vec<String>,
    /// How long reading all of them may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self {
            parameters: Vec::new(),
            values: Vec::new(),
            files: Vec::new(),
            timeout_ms: 20_000,
        }
    }
}

/// A variable and where its value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) variable: String,
    pub(super) source: Source,
}

impl SecretsConfig {
    pub(super) const fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.values.is_empty() && self.files.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, list) in [
            ("secrets.parameters", &self.parameters),
            ("secrets.values", &self.values),
            ("secrets.files", &self.files),
        ] {
            within(list.len() <= MOST, key, "must be at most 50")?;
        }
        within(
            self.parameters.iter().all(|name| parameter(name).is_some()),
            "secrets.parameters",
            "must be names of SSM parameters, such as /agent-hub/env",
        )?;
        for (key, list) in [("secrets.values", &self.values), ("secrets.files", &self.files)] {
            within(
                list.iter().all(|text| wanted(text).is_some()),
                key,
                "must be VARIABLE=SOURCE, with ssm:NAME, secretsmanager:NAME, secretsmanager:NAME#FIELD or an ARN as the \
                 source",
            )?;
        }
        between(self.timeout_ms, 500..=300_000, "secrets.timeout_ms")
    }

    pub(super) fn wanted_parameters(&self) -> impl Iterator<Item = Source> {
        self.parameters.iter().filter_map(|name| parameter(name))
    }

    pub(super) fn wanted_values(&self) -> impl Iterator<Item = Wanted> {
        self.values.iter().filter_map(|text| wanted(text))
    }

    pub(super) fn wanted_files(&self) -> impl Iterator<Item = Wanted> {
        self.files.iter().filter_map(|text| wanted(text))
    }
}

fn parameter(name: &str) -> Option<Source> {
    let name = name.strip_prefix("ssm:").unwrap_or(name);
    format!("ssm:{name}").parse().ok()
}

fn wanted(text: &str) -> Option<Wanted> {
    let (variable, source) = text.split_once('=')?;
    let is_variable = variable.len() <= 100
        && variable.starts_with(|c: char| c.is_ascii_uppercase())
        && variable
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let (variable, source) = (variable.to_owned(), source.parse().ok()?);
    is_variable.then_some(Wanted { variable, source })
}
