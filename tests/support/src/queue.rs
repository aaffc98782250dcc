//! Queues of the stand-in for AWS, each with a dead-letter queue, and a look at what lies in them.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::QueueAttributeName::{
        ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, QueueArn, RedrivePolicy,
        VisibilityTimeout,
    },
};
use hub::{
    adapters::queue::{Queue, sqs::Sqs},
    config::QueueConfig,
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::Aws;

/// Takes of a message after which it is dead, when nobody deletes it.
const TAKES: u32 = 2;
/// Seconds for which a message is out of sight when whoever took it was killed. A queue that nobody set up has 30.
const HIDDEN_S: &str = "5";
/// Longer than anything here should take, and shorter than the polls of tables that are not to help.
const PATIENCE: Duration = Duration::from_secs(20);
/// The poll of tables in a test of the queue: none.
const NEVER_MS: u64 = 60_000;

/// A queue of a test.
#[derive(Debug, Clone)]
pub struct TestQueue {
    /// Its address.
    pub url: String,
    /// The address of its dead-letter queue.
    pub dead_letter_url: String,
    client: Client,
}

impl Aws {
    /// A new queue with its dead-letter queue.
    pub async fn queue(&self) -> TestQueue {
        let client = Client::new(&self.sdk);
        let make = async |name: String, policy: Option<String>| {
            let made = client
                .create_queue()
                .queue_name(name)
                .attributes(VisibilityTimeout, HIDDEN_S);
            let made = match policy {
                Some(policy) => made.attributes(RedrivePolicy, policy),
                None => made,
            };
            let made = made.send().await.expect("a queue can be made");
            made.queue_url.expect("a queue has an address")
        };
        let dead_letter_url = make(Self::name("dead"), None).await;
        let about = client
            .get_queue_attributes()
            .queue_url(&dead_letter_url)
            .attribute_names(QueueArn);
        let about = about.send().await.expect("a queue can be described");
        let arn = about
            .attributes()
            .and_then(|all| all.get(&QueueArn))
            .expect("it has a name");
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": TAKES}).to_string();
        let url = make(Self::name("jobs"), Some(policy)).await;
        TestQueue {
            url,
            dead_letter_url,
            client,
        }
    }
}

impl TestQueue {
    /// For a hub that is woken by nothing but this queue: tables are not polled.
    #[must_use]
    pub fn config(&self) -> QueueConfig {
        QueueConfig {
            url: self.url.clone(),
            dead_letter_url: self.dead_letter_url.clone(),
            poll_ms: NEVER_MS,
            relay_ms: 50,
        }
    }

    /// The hub's own way to it.
    #[must_use]
    pub fn through(&self, aws: &Aws) -> Arc<dyn Queue> {
        let patience = Duration::from_millis(aws.config.timeout_ms);
        Arc::new(Sqs::new(&aws.sdk, &self.config(), patience))
    }

    /// Somebody puts a message there.
    pub async fn send(&self, body: &str) {
        let sent = self.client.send_message().queue_url(&self.url).message_body(body);
        sent.send().await.expect("a message can be sent");
    }

    /// Takes a message and leaves it there, as whoever dies over it does. True when there was one.
    pub async fn take_and_forget(&self) -> bool {
        let taken = self.client.receive_message().queue_url(&self.url);
        let taken = taken.visibility_timeout(0).send().await;
        !taken.expect("messages can be taken").messages().is_empty()
    }

    /// What every message says, once there are so many; they are taken and deleted.
    pub async fn bodies(&self, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        let taking = async {
            while bodies.len() < count {
                let taken = self
                    .client
                    .receive_message()
                    .queue_url(&self.url)
                    .max_number_of_messages(10);
                for message in taken.send().await.expect("messages can be taken").messages() {
                    let receipt = message.receipt_handle().unwrap_or_default();
                    let delete = self.client.delete_message().queue_url(&self.url);
                    let deleted = delete.receipt_handle(receipt).send().await;
                    deleted.expect("a message can be deleted");
                    bodies.extend(message.body().map(str::to_owned));
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, taking).await.expect("the messages come");
        bodies
    }

    /// Messages that are there, taken or not.
    pub async fn messages(&self) -> u64 {
        let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let asked = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(names.to_vec()));
        let about = asked.send().await.expect("a queue can be described");
        let all = about.attributes().expect("it tells its numbers");
        let counts = names.iter().filter_map(|name| all.get(name)?.parse::<u64>().ok());
        counts.sum()
    }

    /// Ends when no message is left.
    pub async fn until_empty(&self) {
        let emptied = async {
            while self.messages().await > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, emptied).await.expect("the queue is emptied");
    }
}
