//! What those who watch stand on, asked for all of a node at once.

use std::collections::HashMap;

use uuid::Uuid;

use super::Identity;
use crate::{
    clock::DateTime,
    error::Result,
    identity::{Proof, Role, Scope, Watcher},
    ids::PersonId,
};

/// What a user is now.
#[derive(Debug, Clone, Copy)]
pub struct UserStanding {
    /// Whether the sign-in, the personal access token, or the token of an issuer is alive.
    pub is_proven: bool,
    /// The role at the agent; none where there is no membership.
    pub role: Option<Role>,
    /// The person they are to the agent.
    pub person: Option<PersonId>,
}

/// What a device is now.
#[derive(Debug, Clone, Copy)]
pub struct DeviceStanding {
    /// Whether the credential, the device and the agent are alive.
    pub is_alive: bool,
    /// Whether both the credential and the device have the scope that is asked for.
    pub may: bool,
    /// Whose it is.
    pub person: Option<PersonId>,
}

impl Identity<'_> {
    /// What the users among these are, by the number of each.
    pub async fn standing_of_users(&mut self, all: &[Watcher]) -> Result<HashMap<usize, UserStanding>> {
        let (mut numbers, mut users, mut agents) = (vec![], vec![], vec![]);
        let (mut proofs, mut ends): (Vec<Uuid>, Vec<DateTime>) = (vec![], vec![]);
        for (number, watcher) in all.iter().enumerate() {
            if let Watcher::User { user, proof, at } = watcher {
                numbers.push(i64::try_from(number).unwrap_or(i64::MAX));
                users.push(user.0);
                let (row, end) = match proof {
                    Some(Proof::SignIn(id)) => (id.0, DateTime::UNIX_EPOCH),
                    Some(Proof::Token(id)) => (id.0, DateTime::UNIX_EPOCH),
                    Some(Proof::Issuer { expires_at, .. }) => (Uuid::nil(), *expires_at),
                    None => (Uuid::nil(), DateTime::UNIX_EPOCH),
                };
                proofs.push(row);
                ends.push(end);
                agents.push(at.map_or(Uuid::nil(), |(agent, _)| agent.0));
            }
        }
        if numbers.is_empty() {
            return Ok(HashMap::new());
        }
        let now = self.0.now();
        let rows = sqlx::query!(
            r#"select here.number as "number!", (s.id is not null or t.id is not null or (u.id is not null and here.ends_at > $6)) as "is_proven!", m.role as "role?",
                 p.person_id as "person_id?"
               from unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
                 as here(number, user_id, proof, agent, ends_at)
               left join users u on u.id = here.user_id and u.disabled_at is null
               left join sign_ins s on s.id = here.proof and s.user_id = u.id and s.revoked_at is null
                 and s.expires_at > $6
               left join access_tokens t on t.agent_id = here.agent and t.id = here.proof and t.user_id = u.id
                 and t.revoked_at is null and t.expires_at > $6
               left join agents a on a.id = here.agent and a.disabled_at is null
               left join memberships m on m.agent_id = a.id and m.user_id = u.id and m.revoked_at is null
               left join person_accounts p on p.agent_id = m.agent_id and p.user_id = m.user_id"#,
            &numbers,
            &users,
            &proofs,
            &agents,
            &ends,
            now
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        let read = rows.map(|row| {
            let standing = UserStanding {
                is_proven: row.is_proven,
                role: row.role.map(|word| Role::parse(&word).unwrap_or(Role::Blocked)),
                person: row.person_id.map(PersonId),
            };
            (usize::try_from(row.number).unwrap_or(usize::MAX), standing)
        });
        Ok(read.collect())
    }

    /// What the devices among these are, by the number of each, and whether they have a scope.
    pub async fn standing_of_devices(
        &mut self,
        all: &[Watcher],
        scope: Scope,
    ) -> Result<HashMap<usize, DeviceStanding>> {
        let (mut numbers, mut agents, mut devices, mut tokens) = (vec![], vec![], vec![], vec![]);
        for (number, watcher) in all.iter().enumerate() {
            if let Watcher::Device {
                agent, device, token, ..
            } = watcher
            {
                numbers.push(i64::try_from(number).unwrap_or(i64::MAX));
                agents.push(agent.0);
                devices.push(device.0);
                tokens.push(token.0);
            }
        }
        if numbers.is_empty() {
            return Ok(HashMap::new());
        }
        let now = self.0.now();
        let rows = sqlx::query!(
            r#"select here.number as "number!", (a.id is not null and d.id is not null and t.id is not null) as "is_alive!",
                 coalesce($6 = any (d.scopes) and $6 = any (t.scopes), false) as "may!", d.person_id as "person_id?"
               from unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[]) as here(number, agent, device, token)
               left join agents a on a.id = here.agent and a.disabled_at is null
               left join devices d on d.agent_id = here.agent and d.id = here.device and d.revoked_at is null
               left join access_tokens t on t.agent_id = here.agent and t.id = here.token and t.device_id = here.device
                 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $5)"#,
            &numbers,
            &agents,
            &devices,
            &tokens,
            now,
            scope.as_str()
        );
        let rows = rows.fetch_all(self.0.connection()).await?.into_iter();
        let read = rows.map(|row| {
            let standing = DeviceStanding {
                is_alive: row.is_alive,
                may: row.may,
                person: row.person_id.map(PersonId),
            };
            (usize::try_from(row.number).unwrap_or(usize::MAX), standing)
        });
        Ok(read.collect())
    }
}
