//! `Idempotency-Key`: a POST that acts may be sent again. The key is claimed and answered in the effect's own transaction.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{extract::Json, problem::Failed};
use crate::{
    canonical,
    error::{Error, Result},
    hub::Hub,
    identity::Caller,
    storage::{Claimed, IdempotencyKey, Tx, TxScope},
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

impl Answer {
    /// The same answer with what must not be kept and so is made each time, from what was kept.
    pub async fn then<T: DeserializeOwned, U: Serialize>(
        self,
        with: impl AsyncFnOnce(T) -> Result<U>,
    ) -> Result<Self> {
        let kept = serde_json::from_value(self.body)
            .map_err(|error| Error::because("a kept answer cannot be read", error))?;
        let body = serde_json::to_value(with(kept).await?)
            .map_err(|error| Error::because("an answer cannot be written", error))?;
        Ok(Self { body, ..self })
    }
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

/// A POST that acts, once for each key.
#[derive(Debug)]
pub struct Once<'a> {
    caller: &'a Caller,
    scope: TxScope,
    status: StatusCode,
    key: Option<IdempotencyKey>,
}

impl Key {
    /// For this operation and its usual status. `about` is what it is about: its body, and what its path names.
    pub fn once<'a>(
        self,
        caller: &'a Caller,
        operation: &'static str,
        status: StatusCode,
        about: &impl Serialize,
    ) -> Result<Once<'a>> {
        let about =
            serde_json::to_value(about).map_err(|error| Error::because("a body cannot be written", error))?;
        let key = self.0.map(|key| IdempotencyKey {
            principal: caller.own_key(),
            operation,
            key,
            digest: canonical::sha256(&about),
        });
        Ok(Once {
            caller,
            scope: caller.tx_scope(),
            status,
            key,
        })
    }
}

impl Once<'_> {
    /// On a unit of work that may see something else than the caller may.
    #[must_use]
    pub fn in_scope(self, scope: TxScope) -> Self {
        Self { scope, ..self }
    }

    /// Does it on one unit of work for the caller, or answers what it was answered before.
    pub async fn run<T: Serialize>(
        self,
        hub: &Hub,
        effect: impl AsyncFnOnce(&mut Tx) -> Result<T>,
    ) -> Result<Answer> {
        self.run_keeping(hub, async |tx| Ok((effect(tx).await?, None)))
            .await
    }

    /// The same for an answer that must not be kept as it is: the effect also says what a repeated request is answered,
    /// without secrets.
    pub async fn run_keeping<T: Serialize>(
        self,
        hub: &Hub,
        effect: impl AsyncFnOnce(&mut Tx) -> Result<(T, Option<Value>)>,
    ) -> Result<Answer> {
        let mut tx = hub.db.begin(self.scope, self.caller.actor()).await?;
        if let Some(key) = &self.key
            && let Claimed::Answered(body) = tx.idempotency().claim(key).await?
        {
            return Ok(self.answer(body, true));
        }
        let (body, kept) = effect(&mut tx).await?;
        let body = serde_json::to_value(body)
            .map_err(|error| Error::because("an answer cannot be written", error))?;
        if let Some(key) = &self.key {
            tx.idempotency()
                .answer(key, kept.as_ref().unwrap_or(&body))
                .await?;
        }
        tx.commit().await?;
        Ok(self.answer(body, false))
    }

    /// What its unit of work may see.
    #[must_use]
    pub const fn scope(&self) -> TxScope {
        self.scope
    }

    /// Answers without doing anything, or keeping the key.
    pub fn without_effect(self, body: &impl Serialize) -> Result<Answer> {
        let body = serde_json::to_value(body)
            .map_err(|error| Error::because("an answer cannot be written", error))?;
        Ok(self.answer(body, false))
    }

    const fn answer(&self, body: Value, is_replayed: bool) -> Answer {
        Answer {
            status: self.status,
            body,
            is_replayed,
        }
    }
}
