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
    /// The argon2id hash, a secret of its own kind; none of whom an issuer vouches for.
    pub password_hash: Option<secrecy::SecretString>,
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
    /// Which of its refresh tokens was asked for.
    pub generation: Generation,
}

/// The age of a refresh token among its family.
#[derive(Debug)]
pub enum Generation {
    /// Not used yet.
    Newest,
    /// Used once, for the newest.
    BeforeNewest {
        /// What the newest was made with.
        salt: [u8; 32],
        /// When it was used.
        replaced_at: DateTime,
    },
    /// Used, and what it gave was used, too.
    Earlier,
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
            password_hash: row.password_hash.map(Into::into),
            is_disabled: row.is_disabled,
        }))
    }

    /// A login name as names are compared: the same for every spelling of it.
    pub async fn in_lower_case(&mut self, name: &str) -> Result<String> {
        Ok(sqlx::query_scalar!(r#"select lower($1) as "name!""#, name)
            .fetch_one(self.0.connection())
            .await?)
    }

    /// A user's login name.
    pub async fn user_name(&mut self, user: UserId) -> Result<Option<String>> {
        Ok(
            sqlx::query_scalar!("select name from users where id = $1", user.0)
                .fetch_optional(self.0.connection())
                .await?,
        )
    }

    /// Whether a user may not sign in any more.
    pub async fn is_disabled(&mut self, user: UserId) -> Result<bool> {
        let disabled = sqlx::query_scalar!(
            r#"select exists (select from users where id = $1 and disabled_at is not null) as "disabled!""#,
            user.0
        );
        Ok(disabled.fetch_one(self.0.connection()).await?)
    }

    /// Inserts a user, who has a password or an identity at an issuer; false when the name is taken.
    pub async fn insert_user(
        &mut self,
        id: UserId,
        name: &str,
        password_hash: impl Into<Option<&str>>,
    ) -> Result<bool> {
        let (now, password_hash) = (self.0.now(), password_hash.into());
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

    /// The hash of a user's password, which stays as it is until the unit of work ends.
    pub async fn hold_password(&mut self, user: UserId) -> Result<Option<String>> {
        let hash = sqlx::query_scalar!("select password_hash from users where id = $1 for share", user.0);
        Ok(hash.fetch_optional(self.0.connection()).await?.flatten())
    }

    /// Puts another hash in the place of one; false where that is not the user's any more.
    pub async fn change_password(&mut self, user: UserId, from: &str, to: &str) -> Result<bool> {
        let done = sqlx::query!(
            "update users set password_hash = $3 where id = $1 and password_hash = $2",
            user.0,
            from,
            to
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// Begins a family of refresh tokens, which its first one names.
    pub async fn insert_sign_in(
        &mut self,
        id: SignInId,
        user: UserId,
        refresh: &SecretHash,
        expires_at: DateTime,
    ) -> Result<()> {
        let now = self.0.now();
        sqlx::query!(
            "insert into sign_ins (id, user_id, family_sha256, refresh_sha256, created_at, refreshed_at, expires_at)
             values ($1, $2, $3, $3, $4, $4, $5)",
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

    /// A live sign-in by its family and one of its refresh tokens, locked.
    pub async fn sign_in_by_refresh(
        &mut self,
        family: &SecretHash,
        presented: &SecretHash,
    ) -> Result<Option<SignIn>> {
        let now = self.0.now();
        let row = sqlx::query!(
            r#"select s.id, s.user_id, s.refresh_sha256 = $2 as "is_newest!",
                 coalesce(s.previous_sha256 = $2, false) as "is_before_newest!", s.refresh_salt, s.refreshed_at
               from sign_ins s join users u on u.id = s.user_id and u.disabled_at is null
               where s.family_sha256 = $1 and s.revoked_at is null and s.expires_at > $3
               for update of s"#,
            family.as_slice(),
            presented.as_slice(),
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        Ok(row.map(|row| {
            let salt = row.refresh_salt.and_then(|salt| salt.try_into().ok());
            let generation = match salt {
                _ if row.is_newest => Generation::Newest,
                Some(salt) if row.is_before_newest => Generation::BeforeNewest {
                    salt,
                    replaced_at: row.refreshed_at,
                },
                _ => Generation::Earlier,
            };
            SignIn {
                id: row.id.into(),
                user: row.user_id.into(),
                generation,
            }
        }))
    }

    /// Puts the next refresh token in the place of the present one; the sign-in lives on until then.
    pub async fn rotate_refresh(
        &mut self,
        id: SignInId,
        next: &SecretHash,
        salt: &[u8; 32],
        until: DateTime,
    ) -> Result<()> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update sign_ins set previous_sha256 = refresh_sha256, refresh_sha256 = $2, refresh_salt = $3,
               refreshed_at = $4, expires_at = $5
             where id = $1 and revoked_at is null",
            id.0,
            next.as_slice(),
            salt.as_slice(),
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

    /// Ends every sign-in of a user, but for one where it is named; how many.
    pub async fn revoke_sign_ins(&mut self, user: UserId, but: Option<SignInId>) -> Result<u64> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update sign_ins set revoked_at = $3 where user_id = $1 and revoked_at is null and expires_at > $3
               and ($2::uuid is null or id <> $2)",
            user.0,
            but.map(|id| id.0),
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Removes sign-ins that ended before a time, at most so many.
    pub async fn purge_sign_ins(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from sign_ins where id in
               (select id from sign_ins where least(revoked_at, expires_at) < $1 limit $2 for update skip locked)",
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
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
