//! Idempotency keys: claimed and answered in the transaction of the effect.

use chrono::Duration;
use serde_json::Value;

use super::{Tx, identity::one};
use crate::error::{Error, Result};

/// How long an answer is kept.
const KEPT: Duration = Duration::hours(24);

/// The table of keys.
pub struct Idempotency<'a>(&'a mut Tx);

impl Tx {
    /// The table of idempotency keys.
    pub fn idempotency(&mut self) -> Idempotency<'_> {
        Idempotency(self)
    }
}

/// Whose key, of which operation.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// The principal.
    pub principal: String,
    /// The operation id.
    pub operation: &'static str,
    /// What the client chose.
    pub key: String,
    /// SHA-256 of the canonical body.
    pub digest: [u8; 32],
}

/// What a claim found.
#[derive(Debug)]
pub enum Claimed {
    /// The first time: do it, then store the answer.
    Fresh,
    /// Done before: this was the answer.
    Answered(Value),
}

impl Idempotency<'_> {
    /// Claims a key. A concurrent claim of the same key waits here for the other's end.
    pub async fn claim(&mut self, key: &IdempotencyKey) -> Result<Claimed> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let inserted = sqlx::query!(
            "insert into idempotency_keys (agent_id, principal, operation, key, body_sha256, created_at, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            agent.0,
            key.principal,
            key.operation,
            key.key,
            key.digest.as_slice(),
            now,
            now + KEPT
        )
        .execute(self.0.connection())
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(Claimed::Fresh);
        }
        // A second statement: only it sees what the other transaction committed.
        let row = sqlx::query!(
            "select body_sha256, answer from idempotency_keys
             where agent_id = $1 and principal = $2 and operation = $3 and key = $4",
            agent.0,
            key.principal,
            key.operation,
            key.key
        )
        .fetch_one(self.0.connection())
        .await?;
        if row.body_sha256.is_empty() {
            return Err(Error::conflict(
                "forgotten",
                "this was done, and what came of it was forgotten since",
            ));
        }
        if row.body_sha256 != key.digest {
            return Err(Error::conflict(
                "idempotency_key_reused",
                "this Idempotency-Key was used with another body",
            ));
        }
        row.answer
            .map(Claimed::Answered)
            .ok_or_else(|| Error::internal("a key without an answer was committed"))
    }

    /// Stores the answer of a claimed key.
    pub async fn answer(&mut self, key: &IdempotencyKey, answer: &Value) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update idempotency_keys set answer = $5
             where agent_id = $1 and principal = $2 and operation = $3 and key = $4 and answer is null",
            agent.0,
            key.principal,
            key.operation,
            key.key,
            answer
        )
        .execute(self.0.connection())
        .await?;
        one(done.rows_affected(), "an idempotency key was answered twice")
    }

    /// Removes keys that have expired, at most so many.
    pub async fn purge(&mut self, most: i64) -> Result<u64> {
        let now = self.0.now();
        let done = sqlx::query!(
            "delete from idempotency_keys where (agent_id, principal, operation, key) in
               (select agent_id, principal, operation, key from idempotency_keys where expires_at < $1 limit $2)",
            now,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
