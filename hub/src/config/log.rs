//! What is said, and how.

use serde::{Deserialize, Serialize};

/// The section `log`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `text` for people, `json` for machines, `auto`: text on a terminal, JSON elsewhere.
    pub format: LogFormat,
    /// What is said, as `target=level` pairs. Empty: warnings on a terminal, everything of note elsewhere.
    pub filter: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One readable line.
    Text,
    /// One JSON object a line.
    Json,
}
