//! One-time codes with which a fresh agent is claimed.

use super::{Identity, one};
use crate::{
    clock::DateTime,
    error::Result,
    ids::{AgentId, ClaimId, UserId},
    secret::SecretHash,
};

impl Identity<'_> {
    /// The agent of a live claim, locked until the end of this unit of work.
    pub async fn open_claim(&mut self, code: &SecretHash) -> Result<Option<(ClaimId, AgentId)>> {
        let now = self.0.now();
        let row = sqlx::query!(
            "select id, agent_id from claims where code_sha256 = $1 and claimed_at is null and expires_at > $2 for update",
            code.as_slice(),
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(row.map(|row| (row.id.into(), row.agent_id.into())))
    }

    /// Uses a claim up.
    pub async fn close_claim(&mut self, claim: ClaimId, user: UserId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update claims set claimed_at = $3, claimed_by = $4 where agent_id = $1 and id = $2 and claimed_at is null",
            agent.0,
            claim.0,
            now,
            user.0
        )
        .execute(self.0.connection())
        .await?;
        one(done.rows_affected(), "a claim was used twice")
    }

    /// Makes every open claim of the agent void and inserts a new one.
    pub async fn replace_claim(
        &mut self,
        id: ClaimId,
        code: &SecretHash,
        expires_at: DateTime,
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update claims set expires_at = $2 where agent_id = $1 and claimed_at is null and expires_at > $2",
            agent.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        sqlx::query!(
            "insert into claims (agent_id, id, code_sha256, created_at, expires_at) values ($1, $2, $3, $4, $5)",
            agent.0,
            id.0,
            code.as_slice(),
            now,
            expires_at
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}
