//! Invitations: one-time codes with which a household's other people come in.

use uuid::Uuid;

use super::{Identity, one};
use crate::{
    clock::DateTime,
    error::Result,
    identity::{Invitation, Role},
    ids::{AgentId, InvitationId, UserId},
    page::PageRequest,
    secret::SecretHash,
};

struct InvitationRow {
    id: Uuid,
    role: String,
    name: Option<String>,
    created_by: Uuid,
    created_at: DateTime,
    expires_at: DateTime,
    accepted_at: Option<DateTime>,
    accepted_by: Option<Uuid>,
    revoked_at: Option<DateTime>,
}

impl From<InvitationRow> for Invitation {
    fn from(row: InvitationRow) -> Self {
        Self {
            id: row.id.into(),
            role: Role::parse(&row.role).unwrap_or(Role::Blocked),
            name: row.name,
            created_by: row.created_by.into(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            accepted_at: row.accepted_at,
            accepted_by: row.accepted_by.map(UserId),
            revoked_at: row.revoked_at,
        }
    }
}

/// A query of invitations: which, and what it is asked with.
macro_rules! invitations {
    ($which:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            InvitationRow,
            "select id, role, name, created_by, created_at, expires_at, accepted_at, accepted_by, revoked_at
             from invitations " + $which,
            $($argument),+
        )
    };
}

impl Identity<'_> {
    /// Inserts an invitation.
    pub async fn insert_invitation(&mut self, invitation: &Invitation, code: &SecretHash) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "insert into invitations (agent_id, id, code_sha256, role, name, created_by, created_at, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            agent.0,
            invitation.id.0,
            code.as_slice(),
            invitation.role.as_str(),
            invitation.name,
            invitation.created_by.0,
            invitation.created_at,
            invitation.expires_at
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// How many open invitations of somebody there are. Their membership is to be held meanwhile.
    pub async fn open_invitations_of(&mut self, user: UserId) -> Result<i64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from invitations
               where agent_id = $1 and created_by = $2 and accepted_at is null and revoked_at is null
                 and expires_at > $3"#,
            agent.0,
            user.0,
            now
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// A page of invitations, oldest first, those that ended too.
    pub async fn invitations(&mut self, page: PageRequest) -> Result<Vec<Invitation>> {
        let agent = self.0.agent();
        let rows = invitations!(
            "where agent_id = $1 and ($2::uuid is null or id > $2) order by id limit $3",
            agent.0,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(Invitation::from).collect())
    }

    /// The open invitation of a code: whose agent, which, and who invited. Across agents.
    pub async fn invitation_of_code(
        &mut self,
        code: &SecretHash,
    ) -> Result<Option<(AgentId, InvitationId, UserId)>> {
        let now = self.0.now();
        let row = sqlx::query!(
            "select i.agent_id, i.id, i.created_by from invitations i
             join agents a on a.id = i.agent_id and a.disabled_at is null
             where i.code_sha256 = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > $2",
            code.as_slice(),
            now
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| (row.agent_id.into(), row.id.into(), row.created_by.into())))
    }

    /// One invitation, held until the end of this unit of work.
    pub async fn lock_invitation(&mut self, id: InvitationId) -> Result<Option<Invitation>> {
        let agent = self.0.agent();
        let row = invitations!("where agent_id = $1 and id = $2 for update", agent.0, id.0);
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(Invitation::from))
    }

    /// Uses an invitation up.
    pub async fn close_invitation(&mut self, id: InvitationId, by: UserId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update invitations set accepted_at = $3, accepted_by = $4
             where agent_id = $1 and id = $2 and accepted_at is null and revoked_at is null",
            agent.0,
            id.0,
            now,
            by.0
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "an invitation was used twice")
    }

    /// Revokes an invitation that is open.
    pub async fn revoke_invitation(&mut self, id: InvitationId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update invitations set revoked_at = $3
             where agent_id = $1 and id = $2 and accepted_at is null and revoked_at is null",
            agent.0,
            id.0,
            now
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "an invitation that is not open was revoked")
    }

    /// Revokes the open invitations of somebody, but for those to roles that they may still invite to; how many.
    pub async fn revoke_invitations_of(&mut self, user: UserId, but_for: &[Role]) -> Result<u64> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let but_for: Vec<String> = but_for.iter().map(|role| role.as_str().to_owned()).collect();
        let done = sqlx::query!(
            "update invitations set revoked_at = $4
             where agent_id = $1 and created_by = $2 and role <> all ($3) and accepted_at is null
               and revoked_at is null and expires_at > $4",
            agent.0,
            user.0,
            &but_for,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Removes invitations that ended before a time, at most so many.
    pub async fn purge_invitations(&mut self, before: DateTime, most: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from invitations where (agent_id, id) in
               (select agent_id, id from invitations where least(accepted_at, revoked_at, expires_at) < $1 limit $2)",
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
