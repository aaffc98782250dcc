//! Who users are to the issuers that vouch for them.

use super::Identity;
use crate::{error::Result, identity::issued::Issued, ids::UserId};

impl Identity<'_> {
    /// The user whom an issuer means, and whether they may not come in any more.
    pub async fn user_of_identity(&mut self, issued: &Issued) -> Result<Option<(UserId, bool)>> {
        let row = sqlx::query!(
            r#"select u.id, u.disabled_at is not null as "is_disabled!" from user_identities i
               join users u on u.id = i.user_id where i.issuer = $1 and i.subject = $2"#,
            issued.issuer,
            issued.subject
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| (row.id.into(), row.is_disabled)))
    }

    /// Notes whom an issuer means by a user; false where it means somebody by that already.
    pub async fn insert_identity(&mut self, user: UserId, issued: &Issued) -> Result<bool> {
        let now = self.0.now();
        let done = sqlx::query!(
            "insert into user_identities (issuer, subject, user_id, created_at) values ($1, $2, $3, $4)
             on conflict do nothing",
            issued.issuer,
            issued.subject,
            user.0,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }
}
