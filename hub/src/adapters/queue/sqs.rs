//! SQS: a standard queue, and perhaps its dead-letter queue.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client, Config,
    config::{http::HttpResponse, timeout::TimeoutConfig},
    error::{BuildError, ProvideErrorMetadata, SdkError},
    types::{DeleteMessageBatchRequestEntry, QueueAttributeName, SendMessageBatchRequestEntry},
};

use super::{Fault, Message, Queue, QueueError};
use crate::config::QueueConfig;

const URL: &str = "queue.url";
const DEAD_LETTER_URL: &str = "queue.dead_letter_url";

/// A queue of SQS.
pub struct Sqs {
    client: Client,
    url: String,
    dead_letter_url: Option<String>,
    /// How long a call may take, apart from what it is asked to wait.
    patience: Duration,
}

impl fmt::Debug for Sqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqs")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Sqs {
    /// The queue that the configuration names. Nothing is asked of it yet.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &QueueConfig, patience: Duration) -> Self {
        Self {
            client: Client::new(sdk),
            url: config.url.clone(),
            dead_letter_url: (!config.dead_letter_url.is_empty()).then(|| config.dead_letter_url.clone()),
            patience,
        }
    }

    async fn count(&self, key: &'static str, url: &str) -> Result<u64, QueueError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self.client.get_queue_attributes().queue_url(url);
        let answer = asked.attribute_names(name.clone()).send().await;
        let answer = answer.map_err(|error| failed(key, &error))?;
        let count = answer.attributes().and_then(|all| all.get(&name)?.parse().ok());
        count.ok_or_else(|| unusual(key, "it does not say how many messages it has"))
    }
}

#[async_trait]
impl Queue for Sqs {
    async fn send(&self, bodies: &[String]) -> Result<usize, QueueError> {
        let mut batch = self.client.send_message_batch().queue_url(&self.url);
        for (number, body) in bodies.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(body);
            batch = batch.entries(entry.build().map_err(|error| incomplete(&error))?);
        }
        let sent = batch.send().await.map_err(|error| failed(URL, &error))?;
        if let ([], Some(first)) = (sent.successful(), sent.failed().first()) {
            return Err(unusual(URL, first.code()));
        }
        Ok(sent.successful().len())
    }

    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Message>, QueueError> {
        // The usual time for a call would end the wait.
        let patience = TimeoutConfig::builder().operation_timeout(self.patience + wait);
        let asked = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(most).unwrap_or(1))
            .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(0))
            .customize()
            .config_override(Config::builder().timeout_config(patience.build()));
        let answer = asked.send().await.map_err(|error| failed(URL, &error))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages
            .filter_map(|message| {
                Some(Message {
                    body: message.body.unwrap_or_default(),
                    receipt: message.receipt_handle?,
                })
            })
            .collect())
    }

    async fn delete(&self, messages: &[Message]) -> Result<(), QueueError> {
        let mut batch = self.client.delete_message_batch().queue_url(&self.url);
        for (number, message) in messages.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(&message.receipt);
            batch = batch.entries(entry.build().map_err(|error| incomplete(&error))?);
        }
        let deleted = batch.send().await.map_err(|error| failed(URL, &error))?;
        // One that was not deleted comes again, and costs a look.
        match deleted.failed().first() {
            Some(first) if deleted.successful().is_empty() => Err(unusual(URL, first.code())),
            _ => Ok(()),
        }
    }

    async fn waiting(&self) -> Result<u64, QueueError> {
        self.count(URL, &self.url).await
    }

    async fn dead_letters(&self) -> Result<Option<u64>, QueueError> {
        let Some(url) = &self.dead_letter_url else {
            return Ok(None);
        };
        self.count(DEAD_LETTER_URL, url).await.map(Some)
    }

    fn describe(&self) -> String {
        self.url.clone()
    }
}

fn failed<E>(key: &'static str, error: &SdkError<E, HttpResponse>) -> QueueError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let fault = Fault::of(error);
    QueueError { key, fault }
}

fn incomplete(error: &BuildError) -> QueueError {
    unusual(URL, &error.to_string())
}

fn unusual(key: &'static str, message: &str) -> QueueError {
    let fault = Fault::Refused {
        code: "unusual answer".to_owned(),
        message: message.to_owned(),
    };
    QueueError { key, fault }
}
