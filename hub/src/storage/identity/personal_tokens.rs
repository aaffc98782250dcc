//! Access tokens of users: personal ones.

use uuid::Uuid;

use super::Identity;
use crate::{
    clock::DateTime,
    error::Result,
    identity::{PersonalToken, Scope},
    ids::{AgentId, TokenId, UserId},
    page::PageRequest,
    secret::SecretHash,
};

/// A live personal token with what a request needs to know of it.
#[derive(Debug)]
pub struct PersonalCredential {
    /// Its id.
    pub token: TokenId,
    /// The agent.
    pub agent: AgentId,
    /// Whose it is.
    pub user: UserId,
    /// What it may do, as far as the user's role may.
    pub scopes: Vec<Scope>,
}

struct TokenRow {
    id: Uuid,
    user_id: Uuid,
    name: String,
    scopes: Vec<String>,
    created_at: DateTime,
    expires_at: DateTime,
    revoked_at: Option<DateTime>,
}

impl From<TokenRow> for PersonalToken {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            name: row.name,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

impl Identity<'_> {
    /// A live personal token by its hash. Whether its user still belongs to the agent is asked with the role.
    pub async fn personal_credential(&mut self, hash: &SecretHash) -> Result<Option<PersonalCredential>> {
        let now = self.0.now();
        let row = sqlx::query!(
            r#"select t.id, t.agent_id, t.user_id as "user_id!", t.scopes from access_tokens t
               join users u on u.id = t.user_id and u.disabled_at is null
               where t.token_sha256 = $1 and t.revoked_at is null and t.expires_at > $2"#,
            hash.as_slice(),
            now
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| PersonalCredential {
            token: row.id.into(),
            agent: row.agent_id.into(),
            user: row.user_id.into(),
            scopes: row.scopes.iter().filter_map(|word| Scope::parse(word)).collect(),
        }))
    }

    /// Whether a personal token is still alive: asked by those who watch.
    pub async fn is_personal_token_alive(&mut self, agent: AgentId, token: TokenId) -> Result<bool> {
        let now = self.0.now();
        let alive = sqlx::query_scalar!(
            r#"select exists (select from access_tokens t join users u on u.id = t.user_id and u.disabled_at is null
               where t.agent_id = $1 and t.id = $2 and t.revoked_at is null and t.expires_at > $3) as "alive!""#,
            agent.0,
            token.0,
            now
        );
        Ok(alive.fetch_one(self.0.connection()).await?)
    }

    /// How many live personal tokens a user has. Their membership is to be held meanwhile: nobody makes two at once.
    pub async fn live_personal_tokens(&mut self, user: UserId) -> Result<i64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from access_tokens
               where agent_id = $1 and user_id = $2 and revoked_at is null and expires_at > $3"#,
            agent.0,
            user.0,
            now
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// Inserts a personal token.
    pub async fn insert_personal_token(&mut self, token: &PersonalToken, hash: &SecretHash) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "insert into access_tokens (agent_id, id, kind, user_id, name, token_sha256, scopes, created_at, expires_at)
             values ($1, $2, 'user', $3, $4, $5, $6, $7, $8)",
            agent.0,
            token.id.0,
            token.user_id.0,
            token.name,
            hash.as_slice(),
            &token.scopes,
            token.created_at,
            token.expires_at
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// A page of personal tokens, oldest first, of one user or of all.
    pub async fn personal_tokens(
        &mut self,
        of: Option<UserId>,
        page: PageRequest,
    ) -> Result<Vec<PersonalToken>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            TokenRow,
            r#"select id, user_id as "user_id!", name as "name!", scopes, created_at, expires_at as "expires_at!", revoked_at
               from access_tokens
               where agent_id = $1 and kind = 'user' and ($2::uuid is null or user_id = $2)
                 and ($3::uuid is null or id > $3)
               order by id limit $4"#,
            agent.0,
            of.map(|user| user.0),
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(PersonalToken::from).collect())
    }

    /// Whose a personal token is, live or not.
    pub async fn personal_token_user(&mut self, id: TokenId) -> Result<Option<UserId>> {
        let agent = self.0.agent();
        let user = sqlx::query_scalar!(
            r#"select user_id as "user_id!" from access_tokens where agent_id = $1 and id = $2 and kind = 'user'"#,
            agent.0,
            id.0
        );
        Ok(user.fetch_optional(self.0.connection()).await?.map(UserId))
    }

    /// Revokes all personal tokens of a user; how many lived.
    pub async fn revoke_personal_tokens_of(&mut self, user: UserId) -> Result<u64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update access_tokens set revoked_at = $3
             where agent_id = $1 and user_id = $2 and revoked_at is null and expires_at > $3",
            agent.0,
            user.0,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Revokes a personal token; false when it was.
    pub async fn revoke_personal_token(&mut self, id: TokenId) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update access_tokens set revoked_at = $3
             where agent_id = $1 and id = $2 and kind = 'user' and revoked_at is null",
            agent.0,
            id.0,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }
}
