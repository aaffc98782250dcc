//! `Idempotency-Key`: a POST that acts may be sent again. The key is claimed and answered in the effect's own transaction.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{extract::Json, problem::Failed};
use crate::{
    canonical,
    error::{Error, Result},
    hub::Hub,
    identity::Caller,
    storage::{Claimed, IdempotencyKey, Tx},
};

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is the one of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters of a key at most.
const MAX_KEY: usize = 200;

/// The key of a request, if it has one.
#[derive(Debug, Clone)]
pub struct Key(pub Option<String>);

impl FromRequestParts<Hub> for Key {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Hub) -> Result<Self, Failed> {
        let Some(value) = parts.headers.get(&IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let text = value
            .to_str()
            .ok()
            .filter(|text| (1..=MAX_KEY).contains(&text.len()));
        let text = text.ok_or_else(|| {
            Error::Malformed("Idempotency-Key must have 1 to 200 visible characters".into())
        })?;
        Ok(Self(Some(text.to_owned())))
    }
}

/// An answer, of this request or of an earlier one.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    body: Value,
    is_replayed: bool,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.is_replayed {
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A POST that acts, on its one unit of work.
#[derive(Debug)]
pub struct Acting {
    key: Option<IdempotencyKey>,
    status: StatusCode,
}

impl Acting {
    /// Begins: an answer means that it was done before. `about` is what the operation is about besides its body.
    pub async fn begin(
        tx: &mut Tx,
        caller: &Caller,
        key: Key,
        operation: (&'static str, StatusCode),
        about: &impl Serialize,
    ) -> Result<(Self, Option<Answer>)> {
        let (operation, status) = operation;
        let Some(key) = key.0 else {
            return Ok((Self { key: None, status }, None));
        };
        let body =
            serde_json::to_value(about).map_err(|error| Error::because("a body cannot be written", error))?;
        let key = IdempotencyKey {
            principal: caller.key(),
            operation,
            key,
            digest: canonical::sha256(&body),
        };
        let answer = match tx.idempotency().claim(&key).await? {
            Claimed::Fresh => None,
            Claimed::Answered(body) => Some(Answer {
                status,
                body,
                is_replayed: true,
            }),
        };
        Ok((
            Self {
                key: Some(key),
                status,
            },
            answer,
        ))
    }

    /// Commits the effect together with its answer. `kept` is what a repeated request is answered: without secrets.
    pub async fn commit(self, mut tx: Tx, body: &impl Serialize, kept: Option<&Value>) -> Result<Answer> {
        let body = serde_json::to_value(body)
            .map_err(|error| Error::because("an answer cannot be written", error))?;
        if let Some(key) = &self.key {
            tx.idempotency().answer(key, kept.unwrap_or(&body)).await?;
        }
        tx.commit().await?;
        Ok(Answer {
            status: self.status,
            body,
            is_replayed: false,
        })
    }
}
