//! Users, sign-ins, access tokens, claims, memberships, and the first rows of an agent.

use super::Tx;
use crate::{
    clock::DateTime,
    error::{Error, Result},
    identity::{Role, Scope, Trust},
    ids::{AgentId, ClaimId, DeviceId, PersonId, SignInId, SpaceId, TokenId, UserId},
    secret::SecretHash,
};

/// The tables of identity.
pub struct Identity<'a>(&'a mut Tx);

impl Tx {
    /// The tables of identity.
    pub fn identity(&mut self) -> Identity<'_> {
        Identity(self)
    }
}

/// A user as stored.
#[derive(Debug)]
pub struct StoredUser {
    /// Its id.
    pub id: UserId,
    /// The login name.
    pub name: String,
    /// The argon2id hash, a secret of its own kind.
    pub password_hash: secrecy::SecretString,
    /// Whether it may sign in.
    pub is_disabled: bool,
}

/// A sign-in as stored.
#[derive(Debug)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// Whose.
    pub user: UserId,
    /// Whether the hash asked for is the one before the present one: somebody uses a stolen token.
    pub is_reuse: bool,
}

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

impl Identity<'_> {
    /// A user by login name, in any case.
    pub async fn user_by_name(&mut self, name: &str) -> Result<Option<StoredUser>> {
        let row = sqlx::query!(
            r#"select id, name, password_hash, disabled_at is not null as "is_disabled!" from users
               where lower(name) = lower($1)"#,
            name
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(row.map(|row| StoredUser {
            id: row.id.into(),
            name: row.name,
            password_hash: row.password_hash.into(),
            is_disabled: row.is_disabled,
        }))
    }

    /// A user's login name.
    pub async fn user_name(&mut self, user: UserId) -> Result<Option<String>> {
        Ok(
            sqlx::query_scalar!("select name from users where id = $1", user.0)
                .fetch_optional(self.0.connection())
                .await?,
        )
    }

    /// Inserts a user; false when the name is taken.
    pub async fn insert_user(&mut self, id: UserId, name: &str, password_hash: &str) -> Result<bool> {
        let now = self.0.now();
        let done = sqlx::query!(
            "insert into users (id, name, password_hash, created_at) values ($1, $2, $3, $4)
             on conflict (lower(name)) do nothing",
            id.0,
            name,
            password_hash,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Begins a family of refresh tokens.
    pub async fn insert_sign_in(
        &mut self,
        id: SignInId,
        user: UserId,
        refresh: &SecretHash,
        expires_at: DateTime,
    ) -> Result<()> {
        let now = self.0.now();
        sqlx::query!(
            "insert into sign_ins (id, user_id, refresh_sha256, created_at, refreshed_at, expires_at)
             values ($1, $2, $3, $4, $4, $5)",
            id.0,
            user.0,
            refresh.as_slice(),
            now,
            expires_at
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// A live sign-in by its present or its previous refresh token, locked.
    pub async fn sign_in_by_refresh(&mut self, refresh: &SecretHash) -> Result<Option<SignIn>> {
        let now = self.0.now();
        let row = sqlx::query!(
            r#"select s.id, s.user_id, (s.refresh_sha256 <> $1) as "is_reuse!" from sign_ins s
               join users u on u.id = s.user_id and u.disabled_at is null
               where (s.refresh_sha256 = $1 or s.previous_sha256 = $1) and s.revoked_at is null and s.expires_at > $2
               for update of s"#,
            refresh.as_slice(),
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(row.map(|row| SignIn {
            id: row.id.into(),
            user: row.user_id.into(),
            is_reuse: row.is_reuse,
        }))
    }

    /// Puts the next refresh token in the place of the present one; the sign-in lives on until then.
    pub async fn rotate_refresh(&mut self, id: SignInId, next: &SecretHash, until: DateTime) -> Result<()> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update sign_ins set previous_sha256 = refresh_sha256, refresh_sha256 = $2, refreshed_at = $3, expires_at = $4
             where id = $1 and revoked_at is null",
            id.0,
            next.as_slice(),
            now,
            until
        )
        .execute(self.0.connection())
        .await?;
        one(done.rows_affected(), "a sign-in was not rotated")
    }

    /// Ends a sign-in; false when it had ended.
    pub async fn revoke_sign_in(&mut self, id: SignInId) -> Result<bool> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update sign_ins set revoked_at = $2 where id = $1 and revoked_at is null",
            id.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether a sign-in is alive, with its user.
    pub async fn is_signed_in(&mut self, id: SignInId, user: UserId) -> Result<bool> {
        let now = self.0.now();
        let alive = sqlx::query_scalar!(
            r#"select exists (select from sign_ins s join users u on u.id = s.user_id and u.disabled_at is null
               where s.id = $1 and s.user_id = $2 and s.revoked_at is null and s.expires_at > $3) as "alive!""#,
            id.0,
            user.0,
            now
        );
        Ok(alive.fetch_one(self.0.connection()).await?)
    }

    /// A user's standing in an agent: role and person. None where there is no live membership or agent.
    pub async fn membership(
        &mut self,
        agent: AgentId,
        user: UserId,
    ) -> Result<Option<(Role, Option<PersonId>)>> {
        let row = sqlx::query!(
            r#"select m.role, p.person_id as "person_id?" from memberships m
               join agents a on a.id = m.agent_id and a.disabled_at is null
               left join person_accounts p on p.agent_id = m.agent_id and p.user_id = m.user_id
               where m.agent_id = $1 and m.user_id = $2 and m.revoked_at is null"#,
            agent.0,
            user.0
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(row.map(|row| {
            (
                Role::parse(&row.role).unwrap_or(Role::Blocked),
                row.person_id.map(PersonId),
            )
        }))
    }

    /// The agents that a user belongs to and is not blocked from, oldest first: id, name, role.
    pub async fn agents_of(&mut self, user: UserId) -> Result<Vec<(AgentId, String, Role)>> {
        let rows = sqlx::query!(
            "select a.id, a.name, m.role from memberships m join agents a on a.id = m.agent_id
             where m.user_id = $1 and m.revoked_at is null and m.role <> 'blocked' and a.disabled_at is null
             order by a.id limit 200",
            user.0
        )
        .fetch_all(self.0.connection())
        .await?;
        let read = |role: &str| Role::parse(role).unwrap_or(Role::Blocked);
        Ok(rows
            .into_iter()
            .map(|row| (row.id.into(), row.name, read(&row.role)))
            .collect())
    }

    /// A live device credential by its hash: not revoked, not expired, on a device and an agent that are neither.
    pub async fn device_credential(&mut self, hash: &SecretHash) -> Result<Option<Credential>> {
        let now = self.0.now();
        let row = sqlx::query!(
            r#"select t.id as token, t.agent_id, d.id as device, d.name, d.space_id, d.person_id, d.default_trust,
                 array(select unnest(t.scopes) intersect select unnest(d.scopes)) as "scopes!"
               from access_tokens t
               join devices d on d.agent_id = t.agent_id and d.id = t.device_id and d.revoked_at is null
               join agents a on a.id = t.agent_id and a.disabled_at is null
               where t.token_sha256 = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)"#,
            hash.as_slice(),
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(row.map(|row| Credential {
            token: row.token.into(),
            agent: row.agent_id.into(),
            device: row.device.into(),
            device_name: row.name,
            space: row.space_id.into(),
            person: row.person_id.map(PersonId),
            scopes: row.scopes.iter().filter_map(|word| Scope::parse(word)).collect(),
            default_trust: Trust::parse(&row.default_trust),
        }))
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

    /// Whether the agent has an owner.
    pub async fn has_owner(&mut self) -> Result<bool> {
        let agent = self.0.agent();
        let owned = sqlx::query_scalar!(
            r#"select exists (select from memberships where agent_id = $1 and role = 'owner' and revoked_at is null)
               as "owned!""#,
            agent.0
        );
        Ok(owned.fetch_one(self.0.connection()).await?)
    }

    /// Gives a user a role in the agent and links them to a person of their name.
    pub async fn insert_member(
        &mut self,
        user: UserId,
        role: Role,
        person: PersonId,
        name: &str,
    ) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "with person as (insert into people (agent_id, id, name, created_at) values ($1, $2, $3, $4)),
               account as (insert into person_accounts (agent_id, id, person_id, user_id, created_at)
                 values ($1, $5, $2, $6, $4))
             insert into memberships (agent_id, id, user_id, role, created_at) values ($1, $7, $6, $8, $4)",
            agent.0,
            person.0,
            name,
            now,
            crate::ids::fresh(),
            user.0,
            crate::ids::fresh(),
            role.as_str()
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// The oldest agents: id and name. Across agents, so as the hub itself.
    pub async fn agents(&mut self) -> Result<Vec<(AgentId, String)>> {
        let rows = sqlx::query!("select id, name from agents order by id limit 200")
            .fetch_all(self.0.connection())
            .await?;
        Ok(rows.into_iter().map(|row| (row.id.into(), row.name)).collect())
    }

    /// Inserts an agent with its head row and its default persona.
    pub async fn insert_agent(&mut self, agent: &NewAgent<'_>) -> Result<()> {
        let (id, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "insert into agents (id, name, runtime, time_zone, language, created_at)
             values ($1, $2, 'offline', $3, $4, $5)",
            id.0,
            agent.name,
            agent.time_zone,
            agent.language,
            now
        )
        .execute(self.0.connection())
        .await?;
        sqlx::query!("insert into agent_heads (agent_id) values ($1)", id.0)
            .execute(self.0.connection())
            .await?;
        sqlx::query!(
            "insert into personas (agent_id, id, name, instructions, is_default, created_at)
             values ($1, $2, 'default', $3, true, $4)",
            id.0,
            crate::ids::fresh(),
            agent.instructions,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// What a turn needs to know of the agent: name, language, time zone, runtime, the default persona's instructions.
    pub async fn agent_brief(&mut self) -> Result<AgentBrief> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            AgentBrief,
            "select a.name, a.language, a.time_zone, a.runtime, p.instructions from agents a
             join personas p on p.agent_id = a.id and p.is_default where a.id = $1",
            agent.0
        );
        row.fetch_optional(self.0.connection())
            .await?
            .ok_or(Error::NotFound { what: "agent" })
    }
}

/// What an agent begins with.
#[derive(Debug)]
pub struct NewAgent<'a> {
    /// Its name.
    pub name: &'a str,
    /// IANA.
    pub time_zone: &'a str,
    /// BCP 47.
    pub language: &'a str,
    /// The default persona's instructions.
    pub instructions: &'a str,
}

/// What a turn needs to know of its agent.
#[derive(Debug, Clone)]
pub struct AgentBrief {
    /// Its name.
    pub name: String,
    /// BCP 47.
    pub language: String,
    /// IANA.
    pub time_zone: String,
    /// What thinks for it.
    pub runtime: String,
    /// The default persona's instructions.
    pub instructions: String,
}

/// Asserts that a write touched its row.
pub(super) fn one(rows: u64, what: &'static str) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::internal(what))
    }
}
