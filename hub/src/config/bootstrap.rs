//! The first agent, made when the database holds none.

use serde::{Deserialize, Serialize};

use super::{ConfigError, within};
use crate::events::payload::check_name;

/// Spaces made at first at most; more can be made later.
const MOST_SPACES: usize = 100;

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

impl BootstrapConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        within(
            is_name(&self.agent),
            "bootstrap.agent",
            "must have 1 to 100 characters, none of them a control character",
        )?;
        within(
            is_name(&self.location),
            "bootstrap.location",
            "must have 1 to 100 characters, none of them a control character",
        )?;
        within(
            is_word(&self.time_zone, 64, b"/_+-"),
            "bootstrap.time_zone",
            "must be the name of an IANA time zone, such as Europe/Berlin",
        )?;
        within(
            is_word(&self.language, 35, b"-"),
            "bootstrap.language",
            "must be a BCP 47 language tag, such as en or de-CH",
        )?;
        // The name of a space is the name of its satellite's credentials file, too.
        let are_files = self.spaces.len() <= MOST_SPACES
            && self
                .spaces
                .iter()
                .all(|name| is_name(name) && !name.starts_with('.') && !name.contains(['/', '\\']));
        within(
            are_files,
            "bootstrap.spaces",
            "must be at most 100 names of 1 to 100 characters without / and control characters, not beginning with a dot",
        )?;
        let mut known: Vec<String> = self
            .spaces
            .iter()
            .map(|name| name.trim().to_lowercase())
            .collect();
        known.push("elsewhere".to_owned());
        known.sort();
        known.dedup();
        within(
            known.len() == self.spaces.len() + 1,
            "bootstrap.spaces",
            "must differ from each other and from elsewhere",
        )
    }
}

/// Letters, digits and a few signs, beginning with a letter.
fn is_word(text: &str, most: usize, signs: &[u8]) -> bool {
    text.len() <= most
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
}

/// As for what is named later.
fn is_name(name: &str) -> bool {
    check_name(name, 100).is_ok()
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
