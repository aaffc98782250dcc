//! What people are to the agent by their logins: the one place that reads it of somebody by who they are.

use std::collections::HashMap;

use uuid::Uuid;

use super::People;
use crate::{error::Result, identity::Role, ids::PersonId, people::belonging::Belonging};

impl People<'_> {
    /// What somebody is by their login; none when there is no such person.
    pub async fn belonging(&mut self, person: PersonId) -> Result<Option<Belonging>> {
        Ok(self.belongings(&[person]).await?.remove(&person))
    }

    /// The same of several: of those of them that there are.
    pub async fn belongings(&mut self, people: &[PersonId]) -> Result<HashMap<PersonId, Belonging>> {
        if people.is_empty() {
            // Most of what a room hears is of nobody who is known, and each turn asks.
            return Ok(HashMap::new());
        }
        let agent = self.0.agent();
        let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
        let rows = sqlx::query!(
            r#"select p.id, a.user_id is not null as "has_account!", m.role as "role?" from people p
                 left join person_accounts a on a.agent_id = p.agent_id and a.person_id = p.id
                 left join memberships m on m.agent_id = a.agent_id and m.user_id = a.user_id and m.revoked_at is null
               where p.agent_id = $1 and p.id = any ($2)"#,
            agent.0,
            &people
        );
        let mut found = HashMap::new();
        for row in rows.fetch_all(self.0.connection()).await? {
            let is = match (row.role, row.has_account) {
                (Some(role), _) => Belonging::As(Role::parse(&role).unwrap_or(Role::Blocked)),
                (None, true) => Belonging::Left,
                (None, false) => Belonging::NoLogin,
            };
            let known = found.entry(PersonId(row.id)).or_insert(is);
            *known = is.max(*known);
        }
        Ok(found)
    }
}
