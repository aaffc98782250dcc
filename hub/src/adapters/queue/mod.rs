//! The port of a message queue: a bell between processes that says which job became runnable. It carries ids only, and no
//! truth: a message that is lost costs latency, one that is doubled or forged costs a look at the table of jobs.

pub mod sqs;
mod status;

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::telemetry::metric;

pub use super::aws::Fault;
pub use status::{QueueReport, QueueStatus, Way};

/// Messages that one call may send, take or delete: what SQS allows.
pub const BATCH: usize = 10;

/// A message that is about no job, by which it is seen whether sending works: whoever takes it only deletes it.
pub const PROBE: &str = "probe";

/// Counts messages by what became of them.
pub fn count_messages(outcome: &'static str, messages: usize) {
    let messages = u64::try_from(messages).unwrap_or_default();
    metrics::counter!(metric::QUEUE_MESSAGES, "outcome" => outcome).increment(messages);
}

/// A message queue.
#[async_trait]
pub trait Queue: fmt::Debug + Send + Sync {
    /// Sends up to [`BATCH`] texts, each as a message of its own. Returns how many were taken.
    async fn send(&self, bodies: &[String]) -> Result<usize, QueueError>;

    /// Takes up to `most` messages, and waits so long for the first. What is not deleted comes again.
    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Message>, QueueError>;

    /// Deletes messages that were taken in one call.
    async fn delete(&self, messages: &[Message]) -> Result<(), QueueError>;

    /// About how many messages wait to be taken.
    async fn waiting(&self) -> Result<u64, QueueError>;

    /// About how many messages were taken again and again and never deleted; none where no queue for them is known.
    async fn dead_letters(&self) -> Result<Option<u64>, QueueError>;

    /// Where it is, in words for an operator.
    fn describe(&self) -> String;
}

/// A message that was taken.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it says; anybody may have written it.
    pub body: String,
    /// With what it is deleted.
    pub receipt: String,
}

/// Why the queue did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct QueueError {
    /// The key of the configuration that names the queue.
    pub key: &'static str,
    /// What went wrong.
    pub fault: Fault,
}

impl QueueError {
    /// What it is, in words for everyone.
    #[must_use]
    pub const fn summary(&self) -> &'static str {
        match self.fault {
            Fault::Away(_) => "the queue is not reachable",
            Fault::Throttled(_) => "the queue asks for fewer calls",
            Fault::Denied(_) => "the queue does not permit the hub to use it",
            Fault::Missing(_) => "the queue does not exist",
            Fault::Refused { .. } => "the queue refuses what the hub asks",
        }
    }

    /// What a person can do about it; nothing where waiting is enough.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self.fault {
            Fault::Away(_) | Fault::Throttled(_) => "",
            Fault::Denied(_) => {
                "; the hub's credentials need sqs:SendMessage, sqs:ReceiveMessage, sqs:DeleteMessage and \
                 sqs:GetQueueAttributes there"
            }
            Fault::Missing(_) | Fault::Refused { .. } => {
                "; is the URL right, and is it of the region in aws.region?"
            }
        }
    }
}
