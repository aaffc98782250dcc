//! Memberships: who belongs to the agent, as what.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Identity, one};
use crate::{
    clock::DateTime,
    error::Result,
    identity::{Member, Role},
    ids::{PersonId, UserId},
    page::PageRequest,
};

struct MemberRow {
    user_id: Uuid,
    person_id: Option<Uuid>,
    name: Option<String>,
    role: String,
    created_at: DateTime,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            user_id: row.user_id.into(),
            person_id: row.person_id.map(PersonId),
            name: row.name,
            role: Role::parse(&row.role).unwrap_or(Role::Blocked),
            joined_at: row.created_at,
        }
    }
}

/// A query of live memberships `m`: which, and what it is asked with.
macro_rules! members {
    ($which:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            MemberRow,
            r#"select m.user_id, a.person_id as "person_id?", p.name as "name?", m.role, m.created_at
               from memberships m
               left join person_accounts a on a.agent_id = m.agent_id and a.user_id = m.user_id
               left join people p on p.agent_id = a.agent_id and p.id = a.person_id
               where m.revoked_at is null "#
                + $which,
            $($argument),+
        )
    };
}

impl Identity<'_> {
    /// A page of who belongs to the agent, by user.
    pub async fn members(&mut self, page: PageRequest) -> Result<Vec<Member>> {
        let agent = self.0.agent();
        let rows = members!(
            "and m.agent_id = $1 and ($2::uuid is null or m.user_id > $2) order by m.user_id limit $3",
            agent.0,
            page.after,
            page.rows()
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows.into_iter().map(Member::from).collect())
    }

    /// One who belongs to the agent.
    pub async fn member(&mut self, user: UserId) -> Result<Option<Member>> {
        let agent = self.0.agent();
        let row = members!("and m.agent_id = $1 and m.user_id = $2", agent.0, user.0);
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(Member::from))
    }

    /// The roles of those among these who belong to the agent, held until the end of this unit of work. Whoever holds several
    /// holds them in one order. Before invitations, devices and the head, as everywhere.
    pub async fn lock_members(&mut self, users: &[UserId]) -> Result<HashMap<UserId, Role>> {
        let agent = self.0.agent();
        let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let rows = sqlx::query!(
            "select user_id, role from memberships
             where agent_id = $1 and user_id = any ($2) and revoked_at is null order by user_id for update",
            agent.0,
            &users
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        let read = |role: &str| Role::parse(role).unwrap_or(Role::Blocked);
        Ok(rows.map(|row| (row.user_id.into(), read(&row.role))).collect())
    }

    /// A user joins, or comes back; false where they belong to the agent. Who is blocked belongs to it, unless they are
    /// readmitted.
    pub async fn join(&mut self, user: UserId, role: Role, is_readmitted: bool) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "insert into memberships (agent_id, id, user_id, role, created_at) values ($1, $2, $3, $4, $5)
             on conflict (agent_id, user_id) do update
               set role = excluded.role, created_at = excluded.created_at, revoked_at = null
               where memberships.revoked_at is not null or (memberships.role = 'blocked' and $6)",
            agent.0,
            crate::ids::fresh(),
            user.0,
            role.as_str(),
            now,
            is_readmitted
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// The person that a user is or was to the agent, held: nobody forgets or merges them meanwhile.
    pub async fn hold_person_of(&mut self, user: UserId) -> Result<Option<PersonId>> {
        let mut held = None;
        loop {
            let found = self.person_of(user).await?;
            // Who was merged took the link along, perhaps while they were waited for.
            if found == held {
                return Ok(found);
            }
            if let Some(person) = found {
                self.0.people().lock(person).await?;
            }
            held = found;
        }
    }

    async fn person_of(&mut self, user: UserId) -> Result<Option<PersonId>> {
        let agent = self.0.agent();
        let found = sqlx::query_scalar!(
            "select person_id from person_accounts where agent_id = $1 and user_id = $2",
            agent.0,
            user.0
        );
        let found = found.fetch_optional(self.0.connection()).await?;
        Ok(found.map(PersonId))
    }

    /// Links a user to a new person of a name, instead of whoever they were.
    pub async fn link_person(&mut self, user: UserId, person: PersonId, name: &str) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        sqlx::query!(
            "with account as (
               insert into person_accounts (agent_id, id, person_id, user_id, created_at) values ($1, $2, $3, $4, $5)
               on conflict (agent_id, user_id) do update set person_id = excluded.person_id
               returning person_id)
             insert into people (agent_id, id, name, created_at) select $1, person_id, $6, $5 from account",
            agent.0,
            crate::ids::fresh(),
            person.0,
            user.0,
            now,
            name
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Gives somebody who belongs to the agent another role. Who is blocked no more begins anew, as whoever comes back: what they had
    /// passed on by delegations of other agents before stays ended.
    pub async fn change_role(&mut self, user: UserId, role: Role) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update memberships set role = $3, created_at = case when role = 'blocked' then $4 else created_at end
             where agent_id = $1 and user_id = $2 and revoked_at is null",
            agent.0,
            user.0,
            role.as_str(),
            now
        );
        let done = done.execute(self.0.connection()).await?;
        one(
            done.rows_affected(),
            "a membership that is not there got another role",
        )
    }

    /// Ends a membership.
    pub async fn end_membership(&mut self, user: UserId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update memberships set revoked_at = $3 where agent_id = $1 and user_id = $2 and revoked_at is null",
            agent.0,
            user.0,
            now
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a membership that is not there ended")
    }
}
