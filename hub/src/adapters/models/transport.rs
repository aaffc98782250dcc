//! The way of a request to the Responses API and back. It reads what the client would drop (`Retry-After`), bounds what the
//! client would read without end, and sorts what went wrong.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};

use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;

use super::ModelError;

/// An answer at most: many times what the longest allowed one takes.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
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
        let client = self.0.clone();
        Box::pin(async move {
            let sent = client.execute(request.build().await?).await;
            let answer = async { bounded(sent.map_err(|error| away(&error))?).await };
            answer.await.map_err(|error| OpenAIError::Boxed(Box::new(error)))
        })
    }
}

/// The whole answer, or why it is none.
async fn bounded(mut answer: Response) -> Result<Response, ModelError> {
    let (status, retry_after) = (answer.status(), retry_after(&answer));
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| away(&error))? {
        if body.len() + piece.len() > MAX_ANSWER_BYTES {
            let reason = format!("it is longer than {MAX_ANSWER_BYTES} bytes");
            return Err(ModelError::Malformed(reason));
        }
        body.extend_from_slice(&piece);
    }
    if !status.is_success() {
        return Err(refusal(status, retry_after, &message(&body)));
    }
    let mut whole = http::Response::new(body);
    *whole.status_mut() = status;
    Ok(whole.into())
}

/// What a status means for whoever waits.
fn refusal(status: StatusCode, retry_after: Option<Duration>, message: &str) -> ModelError {
    let said = format!("{}: {message}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            ModelError::Misconfigured(said)
        }
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

fn away(error: &reqwest::Error) -> ModelError {
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        format!("no connection: {}", innermost(error))
    } else {
        format!("the answer broke off: {}", innermost(error))
    };
    ModelError::Away {
        reason,
        retry_after: None,
    }
}

/// The cause that says something; the outer ones repeat the address.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Seconds, as the API gives them.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds: f64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// The API's own words, on one line and bounded.
fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Wrapped {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let said = serde_json::from_slice::<Wrapped>(body)
        .map_or_else(|_| String::new(), |wrapped| wrapped.error.message);
    said.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_MESSAGE)
        .collect()
}
