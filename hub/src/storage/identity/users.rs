//! Users and their sign-ins.

use super::{Identity, one};
use crate::{
    clock::DateTime,
    error::Result,
    ids::{SignInId, UserId},
    secret::SecretHash,
};

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
}
