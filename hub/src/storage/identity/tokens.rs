//! Access tokens of devices.

use uuid::Uuid;

use super::{Identity, one};
use crate::{
    clock::DateTime,
    error::Result,
    identity::{Scope, Trust},
    ids::{AgentId, DeviceId, PersonId, SpaceId, TokenId},
    secret::SecretHash,
};

/// A live device credential with all that a request needs to know of it.
#[derive(Debug)]
pub struct Credential {
    /// Its id.
    pub token: TokenId,
    /// The agent.
    pub agent: AgentId,
    /// The device.
    pub device: DeviceId,
    /// The device's name.
    pub device_name: String,
    /// Where it is.
    pub space: SpaceId,
    /// Whose it is.
    pub person: Option<PersonId>,
    /// The credential's scopes that the device has too.
    pub scopes: Vec<Scope>,
    /// The trust of what it sends.
    pub default_trust: Trust,
}

struct CredentialRow {
    token: Uuid,
    agent_id: Uuid,
    device: Uuid,
    name: String,
    space_id: Uuid,
    person_id: Option<Uuid>,
    default_trust: String,
    scopes: Vec<String>,
}

impl From<CredentialRow> for Credential {
    fn from(row: CredentialRow) -> Self {
        Self {
            token: row.token.into(),
            agent: row.agent_id.into(),
            device: row.device.into(),
            device_name: row.name,
            space: row.space_id.into(),
            person: row.person_id.map(PersonId),
            scopes: row.scopes.iter().filter_map(|word| Scope::parse(word)).collect(),
            default_trust: Trust::parse(&row.default_trust),
        }
    }
}

impl Identity<'_> {
    /// A live device credential by its hash: not revoked, not expired, on a device and an agent that are neither.
    pub async fn device_credential(&mut self, hash: &SecretHash) -> Result<Option<Credential>> {
        let now = self.0.now();
        let row = sqlx::query_as!(
            CredentialRow,
            r#"select t.id as token, t.agent_id, d.id as device, d.name, d.space_id, d.person_id, d.default_trust,
                 array(select unnest(t.scopes) intersect select unnest(d.scopes)) as "scopes!"
               from access_tokens t
               join devices d on d.agent_id = t.agent_id and d.id = t.device_id and d.revoked_at is null
               join agents a on a.id = t.agent_id and a.disabled_at is null
               where t.token_sha256 = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)"#,
            hash.as_slice(),
            now
        );
        Ok(row
            .fetch_optional(self.0.connection())
            .await?
            .map(Credential::from))
    }

    /// The same by its id, as it is now: asked for those who came with it long ago.
    pub async fn device_credential_now(
        &mut self,
        agent: AgentId,
        token: TokenId,
    ) -> Result<Option<Credential>> {
        let now = self.0.now();
        let row = sqlx::query_as!(
            CredentialRow,
            r#"select t.id as token, t.agent_id, d.id as device, d.name, d.space_id, d.person_id, d.default_trust,
                 array(select unnest(t.scopes) intersect select unnest(d.scopes)) as "scopes!"
               from access_tokens t
               join devices d on d.agent_id = t.agent_id and d.id = t.device_id and d.revoked_at is null
               join agents a on a.id = t.agent_id and a.disabled_at is null
               where t.agent_id = $1 and t.id = $2 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $3)"#,
            agent.0,
            token.0,
            now
        );
        Ok(row
            .fetch_optional(self.0.connection())
            .await?
            .map(Credential::from))
    }

    /// Whether a credential is still alive: asked by open sockets.
    pub async fn is_credential_alive(&mut self, token: TokenId) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let alive = sqlx::query_scalar!(
            r#"select exists (select from access_tokens t
                 join devices d on d.agent_id = t.agent_id and d.id = t.device_id and d.revoked_at is null
                 join agents a on a.id = t.agent_id and a.disabled_at is null
               where t.agent_id = $1 and t.id = $2 and t.revoked_at is null
                 and (t.expires_at is null or t.expires_at > $3)) as "alive!""#,
            agent.0,
            token.0,
            now
        );
        Ok(alive.fetch_one(self.0.connection()).await?)
    }

    /// Inserts a device credential.
    pub async fn insert_device_token(
        &mut self,
        id: TokenId,
        device: DeviceId,
        hash: &SecretHash,
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "insert into access_tokens (agent_id, id, kind, device_id, token_sha256, scopes, created_at)
             select $1, $2, 'device', d.id, $4, d.scopes, $5 from devices d where d.agent_id = $1 and d.id = $3",
            agent.0,
            id.0,
            device.0,
            hash.as_slice(),
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Inserts a credential like another one of the same device.
    pub async fn insert_successor(&mut self, id: TokenId, of: TokenId, hash: &SecretHash) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "insert into access_tokens (agent_id, id, kind, device_id, token_sha256, scopes, created_at)
             select t.agent_id, $3, t.kind, t.device_id, $4, t.scopes, $5 from access_tokens t
             where t.agent_id = $1 and t.id = $2 and t.revoked_at is null and t.replaced_at is null",
            agent.0,
            of.0,
            id.0,
            hash.as_slice(),
            now
        );
        let done = done.execute(self.0.connection()).await?;
        one(
            done.rows_affected(),
            "a credential that is not there has a successor",
        )
    }

    /// Ends every credential of a device at a time, or where it ends before.
    pub async fn end_device_tokens(&mut self, device: DeviceId, at: DateTime) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "update access_tokens set expires_at = least(expires_at, $3)
             where agent_id = $1 and device_id = $2 and revoked_at is null",
            agent.0,
            device.0,
            at
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// A person replaces every credential of a device: they end at a time, or where they end before, and have no successors.
    pub async fn replace_device_tokens(&mut self, device: DeviceId, at: DateTime) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update access_tokens set expires_at = least(expires_at, $3), replaced_at = coalesce(replaced_at, $4)
             where agent_id = $1 and device_id = $2 and revoked_at is null",
            agent.0,
            device.0,
            at,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Whether a person replaced a credential.
    pub async fn is_credential_replaced(&mut self, token: TokenId) -> Result<bool> {
        let agent = self.0.agent();
        let replaced = sqlx::query_scalar!(
            r#"select exists (select from access_tokens
               where agent_id = $1 and id = $2 and replaced_at is not null) as "replaced!""#,
            agent.0,
            token.0
        );
        Ok(replaced.fetch_one(self.0.connection()).await?)
    }

    /// How many credentials of a device live.
    pub async fn live_device_tokens(&mut self, device: DeviceId) -> Result<i64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from access_tokens
               where agent_id = $1 and device_id = $2 and revoked_at is null
                 and (expires_at is null or expires_at > $3)"#,
            agent.0,
            device.0,
            now
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// Removes credentials that ended before a time, at most so many.
    pub async fn purge_tokens(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from access_tokens where (agent_id, id) in
               (select agent_id, id from access_tokens where least(revoked_at, expires_at) < $1 limit $2)",
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Revokes every credential of a device.
    pub async fn revoke_device_tokens(&mut self, device: DeviceId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "update access_tokens set revoked_at = $3 where agent_id = $1 and device_id = $2 and revoked_at is null",
            agent.0,
            device.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }
}
