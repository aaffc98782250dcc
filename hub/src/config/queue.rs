//! The queue that wakes workers on other machines. Without one they are woken by the database, and the table of jobs is the
//! queue; with one it still is the truth.

use serde::{Deserialize, Serialize};

use super::{ConfigError, between, within};

/// The section `queue`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    /// The URL of a standard SQS queue. Empty: none.
    pub url: String,
    /// The URL of its dead-letter queue, to count what lies there. Empty: not counted.
    pub dead_letter_url: String,
    /// How often each worker reads the table of jobs while the queue is well, in milliseconds; otherwise `worker.poll_ms`.
    /// Seldom, because three others wake it: the database's bell, the queue, and the relay.
    pub poll_ms: u64,
    /// How often each process looks for jobs that nobody came for, in milliseconds, to send their ids again.
    pub relay_ms: u64,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            dead_letter_url: String::new(),
            poll_ms: 10_000,
            relay_ms: 1_000,
        }
    }
}

impl QueueConfig {
    /// Whether there is a queue.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        !self.url.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let problem = "must be the URL of a standard SQS queue, which does not end in .fifo";
        within(is_queue(&self.url), "queue.url", problem)?;
        within(is_queue(&self.dead_letter_url), "queue.dead_letter_url", problem)?;
        between(self.poll_ms, 10..=60_000, "queue.poll_ms")?;
        between(self.relay_ms, 10..=60_000, "queue.relay_ms")
    }
}

fn is_queue(url: &str) -> bool {
    let is_ordered = url.to_ascii_lowercase().ends_with("fifo");
    let is_url = (url.starts_with("https://") || url.starts_with("http://"))
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    url.is_empty() || is_url && url.len() <= 2_000 && !is_ordered
}
