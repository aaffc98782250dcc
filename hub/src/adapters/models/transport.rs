//! The way of a request to the API and back: what is read has a bound, and what went wrong is sorted. The library's own way
//! drops `Retry-After`, reads without a bound, and reads streams on a task that nobody waits for. So it sends through this one
//! what is answered whole, and what is streamed is sent and read without it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use reqwest::{Client, Request, Response, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;

use super::ModelError;
use crate::{
    adapters::body::{self, Unread},
    error::root,
};

/// An answer at most: many times what the longest allowed one takes.
pub(super) const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// A refusal at most: a few words.
const MAX_REFUSAL_BYTES: usize = 256 * 1024;
/// Characters of a code at most.
const MAX_CODE: usize = 64;
/// Characters of a far side's message that are kept.
const MAX_MESSAGE: usize = 300;
/// A far side that asks for more is asked again sooner.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Sends requests.
#[derive(Debug, Clone)]
pub(super) struct Transport(pub(super) Client);

type Sending = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

impl tower::Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Sending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Sending {
        let transport = self.clone();
        Box::pin(async move {
            let answer = bounded(&transport, request.build().await?).await;
            answer.map_err(|error| OpenAIError::Boxed(Box::new(error)))
        })
    }
}

impl Transport {
    /// Sends a request. What comes back is the beginning of an answer; a refusal is read and sorted here.
    pub(super) async fn send(&self, request: Request) -> Result<Response, ModelError> {
        let answer = self.0.execute(request).await.map_err(|error| away(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, retry_after) = (answer.status(), retry_after(&answer));
        let body = whole(answer, MAX_REFUSAL_BYTES).await?;
        Err(refusal(status, retry_after, &Said::of(&body)))
    }
}

/// The whole answer to a request, or why it is none.
async fn bounded(transport: &Transport, request: Request) -> Result<Response, ModelError> {
    let answer = transport.send(request).await?;
    let status = answer.status();
    let mut read = http::Response::new(whole(answer, MAX_ANSWER_BYTES).await?);
    *read.status_mut() = status;
    Ok(read.into())
}

/// The whole of an answer that is not streamed.
pub(super) async fn whole(mut answer: Response, most: usize) -> Result<Vec<u8>, ModelError> {
    let read = body::whole(&mut answer, most).await;
    read.map_err(|unread| match unread {
        Unread::Broken(error) => away(&error),
        Unread::TooLong => ModelError::Malformed(format!("it is longer than {most} bytes")),
    })
}

/// What a status means for whoever waits.
fn refusal(status: StatusCode, retry_after: Option<Duration>, said: &Said) -> ModelError {
    let Said { code, message } = said;
    let status_code = status.as_u16();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND) {
        // About the account, so for whoever keeps it.
        return ModelError::Misconfigured(format!("{status_code}: {message}"));
    }
    // Its words may quote what it was asked, which is nobody's business in a log.
    let said = format!("{status_code} {code}").trim_end().to_owned();
    match status {
        // So does what filters contents before the model.
        StatusCode::FORBIDDEN => ModelError::Misconfigured(said),
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => {
            ModelError::Away {
                reason: said,
                retry_after,
            }
        }
        status if status.is_server_error() => ModelError::Away {
            reason: said,
            retry_after,
        },
        _ => ModelError::Refused(said),
    }
}

pub(super) fn away(error: &reqwest::Error) -> ModelError {
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        format!("no connection: {}", root(error))
    } else {
        format!("the answer broke off: {}", root(error))
    };
    ModelError::away(reason)
}

/// Seconds, as the API gives them.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds: f64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// What the API says of an error: its code, and its own words, on one line and bounded.
#[derive(Debug, Default)]
struct Said {
    code: String,
    message: String,
}

impl Said {
    fn of(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Wrapped {
            error: Given,
        }
        #[derive(Deserialize)]
        struct Given {
            message: Option<String>,
            code: Option<String>,
            r#type: Option<String>,
        }
        let Ok(Wrapped { error }) = serde_json::from_slice::<Wrapped>(body) else {
            return Self::default();
        };
        let is_word = |word: &String| {
            word.len() <= MAX_CODE
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        Self {
            code: error
                .code
                .filter(is_word)
                .or(error.r#type.filter(is_word))
                .unwrap_or_default(),
            message: one_line(&error.message.unwrap_or_default()),
        }
    }
}

/// A far side's words, on one line and bounded.
pub(super) fn one_line(words: &str) -> String {
    words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_MESSAGE)
        .collect()
}
