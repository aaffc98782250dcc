//! The first agent, made when the database holds none.

use serde::{Deserialize, Serialize};

/// The section `bootstrap`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootstrapConfig {
    /// The agent's name.
    pub agent: String,
    /// The location's name.
    pub location: String,
    /// The spaces, each with a satellite of its name.
    pub spaces: Vec<String>,
    /// The household's time zone (IANA).
    pub time_zone: String,
    /// The household's language (BCP 47).
    pub language: String,
}

impl Default for BootstrapConfig {
    fn default() -> Self {
        Self {
            agent: "home".to_owned(),
            location: "home".to_owned(),
            spaces: vec!["kitchen".to_owned(), "office".to_owned()],
            time_zone: "UTC".to_owned(),
            language: "en".to_owned(),
        }
    }
}
