//! Agents and who belongs to them.

use super::{Identity, one};
use crate::{
    error::{Error, Result},
    identity::Role,
    ids::{AgentId, PersonId, UserId},
    turns::WhenModelDown,
};

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
    /// The default persona's instructions.
    pub instructions: String,
    /// What happens to its turns while its model is away; none: the owner has not chosen.
    pub when_model_down: Option<WhenModelDown>,
}

impl Identity<'_> {
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

    /// Notes that this agent is the first; false when another one is or will be.
    pub async fn begin_bootstrap(&mut self) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "insert into settings (key, value, updated_at) values ('first_agent', to_jsonb($1::uuid), $2)
             on conflict do nothing",
            agent.0,
            now
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
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
        let row = sqlx::query!(
            "select a.name, a.language, a.time_zone, a.when_model_down, p.instructions from agents a
             join personas p on p.agent_id = a.id and p.is_default where a.id = $1",
            agent.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        let row = row.ok_or(Error::NotFound { what: "agent" })?;
        Ok(AgentBrief {
            name: row.name,
            language: row.language,
            time_zone: row.time_zone,
            instructions: row.instructions,
            when_model_down: row.when_model_down.as_deref().and_then(WhenModelDown::parse),
        })
    }

    /// Holds the agent until the unit of work ends: before all else, by whoever takes much of what is its. These go one after the other,
    /// for each finds what it needs as it goes. Whoever changes the agent's settings waits with them; nobody else does by this.
    pub async fn hold_agent(&mut self) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!("select id from agents where id = $1 for no key update", agent.0)
            .fetch_optional(self.0.connection())
            .await?;
        Ok(())
    }

    /// Chooses what happens to the agent's turns while its model is away.
    pub async fn choose_when_model_down(&mut self, choice: WhenModelDown) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update agents set when_model_down = $2 where id = $1",
            agent.0,
            choice.as_str()
        )
        .execute(self.0.connection())
        .await?;
        one(done.rows_affected(), "an agent that is not there was changed")
    }
}
