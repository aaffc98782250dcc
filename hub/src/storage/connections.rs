//! The connections of devices: which node has whose socket, and whether it is alive.

use serde_json::Value;
use uuid::Uuid;

use super::devices::Devices;
use crate::{
    clock::DateTime,
    devices::{Sitting, Socket, Standing},
    error::Result,
    ids::{AgentId, DeviceId, NodeId, TokenId},
};

/// What a device says of itself.
#[derive(Debug, Clone)]
pub struct Hello {
    /// A list of capabilities.
    pub capabilities: Value,
    /// Their kinds.
    pub kinds: Vec<String>,
    /// What runs on it.
    pub software: Option<Value>,
}

/// A socket that took its place.
#[derive(Debug)]
pub struct Entered {
    /// The newest wins.
    pub generation: i64,
    /// The kinds that the device may be used for; none: it has not declared any yet.
    pub approved: Option<Vec<String>>,
    /// It was there already, by an older socket.
    pub was_there: bool,
}

/// A socket that has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concerned {
    /// Which one.
    pub socket: Sitting,
    /// Its device, its credential or its agent has ended: it has to go.
    pub has_ended: bool,
}

impl Devices<'_> {
    /// Takes what a device says of itself at hello, and gives its socket the next generation. What it declares first is
    /// approved with the device itself. None when the device was revoked.
    pub async fn connect(&mut self, id: DeviceId, node: NodeId, hello: &Hello) -> Result<Option<Entered>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let entered = sqlx::query!(
            "update devices set generation = generation + 1, capabilities = $3, software = $4, last_seen_at = $5,
               approved_kinds = coalesce(approved_kinds, nullif($6::text[], '{}'))
             where agent_id = $1 and id = $2 and revoked_at is null returning generation, approved_kinds",
            agent.0,
            id.0,
            hello.capabilities,
            hello.software,
            now,
            &hello.kinds
        )
        .fetch_optional(self.0.connection())
        .await?;
        let Some(entered) = entered else {
            return Ok(None);
        };
        // Who else makes or ends a connection of this device waits for its row, which is ours: what is there now was there before.
        let was_there = sqlx::query_scalar!(
            r#"with before as (select 1 from device_connections where agent_id = $1 and device_id = $2)
             insert into device_connections (agent_id, device_id, node, generation, connected_at, heartbeat_at)
             values ($1, $2, $3, $4, $5, $5)
             on conflict (agent_id, device_id) do update
               set node = excluded.node, generation = excluded.generation, connected_at = excluded.connected_at,
                 heartbeat_at = excluded.heartbeat_at
             returning exists (table before) as "was_there!""#,
            agent.0,
            id.0,
            node.0,
            entered.generation,
            now
        )
        .fetch_one(self.0.connection())
        .await?;
        Ok(Some(Entered {
            generation: entered.generation,
            approved: entered.approved_kinds,
            was_there,
        }))
    }

    /// Removes a connection if it is still this one; false when a newer one took its place. The device's row first, as a
    /// hello takes them: in another order the two would wait for each other.
    pub async fn disconnect(&mut self, id: DeviceId, generation: i64) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let newest = sqlx::query!(
            "update devices set last_seen_at = $4 where agent_id = $1 and id = $2 and generation = $3",
            agent.0,
            id.0,
            generation,
            now
        )
        .execute(self.0.connection())
        .await?;
        if newest.rows_affected() == 0 {
            return Ok(false);
        }
        let done = sqlx::query!(
            "delete from device_connections where agent_id = $1 and device_id = $2 and generation = $3",
            agent.0,
            id.0,
            generation
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Where a socket stands. While it is the newest, its connection is held until the unit of work ends.
    pub async fn hold(&mut self, socket: Socket) -> Result<Standing> {
        let agent = self.0.agent();
        let held = sqlx::query_scalar!(
            r#"select d.revoked_at is not null as "is_revoked!"
               from device_connections k join devices d on d.agent_id = k.agent_id and d.id = k.device_id
               where k.agent_id = $1 and k.device_id = $2 and k.generation = $3 for share of k"#,
            agent.0,
            socket.device.0,
            socket.generation
        );
        match held.fetch_optional(self.0.connection()).await? {
            Some(true) => Ok(Standing::Revoked),
            Some(false) => Ok(Standing::Newest),
            None => self.take_up(socket).await,
        }
    }

    /// The same for a socket that came with this credential; none when that is not alive any more.
    pub async fn hold_with(&mut self, socket: Socket, token: TokenId) -> Result<Option<Standing>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let found = sqlx::query!(
            r#"with held as (select d.revoked_at is not null as is_revoked
                 from device_connections k join devices d on d.agent_id = k.agent_id and d.id = k.device_id
                 where k.agent_id = $1 and k.device_id = $2 and k.generation = $3 for share of k)
               select (select is_revoked from held) as is_revoked,
                 exists (select from access_tokens t
                   join devices d on d.agent_id = t.agent_id and d.id = t.device_id and d.revoked_at is null
                   join agents a on a.id = t.agent_id and a.disabled_at is null
                   where t.agent_id = $1 and t.id = $4 and t.revoked_at is null
                     and (t.expires_at is null or t.expires_at > $5)) as "is_alive!""#,
            agent.0,
            socket.device.0,
            socket.generation,
            token.0,
            now
        );
        let found = found.fetch_one(self.0.connection()).await?;
        if !found.is_alive {
            return Ok(None);
        }
        Ok(Some(match found.is_revoked {
            Some(true) => Standing::Revoked,
            Some(false) => Standing::Newest,
            None => self.take_up(socket).await?,
        }))
    }

    /// A connection that is not there was replaced, or aged out while its node could not reach the database; then it is
    /// taken up again. What refers to the device, such as a command that is being queued, need not wait for it.
    async fn take_up(&mut self, socket: Socket) -> Result<Standing> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let device = sqlx::query!(
            r#"select generation, revoked_at is not null as "is_revoked!" from devices
               where agent_id = $1 and id = $2 for no key update"#,
            agent.0,
            socket.device.0
        )
        .fetch_one(self.0.connection())
        .await?;
        if device.is_revoked {
            return Ok(Standing::Revoked);
        }
        if device.generation != socket.generation {
            return Ok(Standing::Replaced);
        }
        let done = sqlx::query!(
            "insert into device_connections (agent_id, device_id, node, generation, connected_at, heartbeat_at)
             values ($1, $2, $3, $4, $5, $5) on conflict (agent_id, device_id) do nothing",
            agent.0,
            socket.device.0,
            socket.node.0,
            socket.generation,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(if done.rows_affected() == 1 {
            Standing::BackAgain
        } else {
            Standing::Newest
        })
    }

    /// Which of these sockets of a node have something to do: a command waits, what is desired was not told, the device, its
    /// credential or its agent has ended, or another node took over. However long ago: a node that could not look for a while
    /// must not miss it.
    pub async fn concerned(&mut self, node: NodeId, sitting: &[Sitting]) -> Result<Vec<Concerned>> {
        let now = self.0.now();
        let agents: Vec<Uuid> = sitting.iter().map(|socket| socket.agent.0).collect();
        let devices: Vec<Uuid> = sitting.iter().map(|socket| socket.device.0).collect();
        let tokens: Vec<Uuid> = sitting.iter().map(|socket| socket.token.0).collect();
        // Every table by its whole key, which begins with the agent.
        let rows = sqlx::query!(
            r#"select here.agent as "agent!", here.device as "device!", here.token as "token!",
                 (d.id is null or a.id is null or t.id is null) as "has_ended!"
               from unnest($2::uuid[], $3::uuid[], $4::uuid[]) as here(agent, device, token)
               left join devices d on d.agent_id = here.agent and d.id = here.device and d.revoked_at is null
               left join agents a on a.id = here.agent and a.disabled_at is null
               left join access_tokens t on t.agent_id = here.agent and t.id = here.token and t.revoked_at is null
                 and (t.expires_at is null or t.expires_at > $5)
               left join device_connections k on k.agent_id = here.agent and k.device_id = here.device and k.node = $1
               where d.id is null or a.id is null or t.id is null or k.device_id is null
                 or exists (select from commands c where c.agent_id = here.agent and c.device_id = here.device
                   and c.state = 'queued' and c.deadline_at > $5)
                 or exists (select from device_shadows s where s.agent_id = here.agent and s.device_id = here.device
                   and s.desired_version > 0
                   and (s.desired_version > s.told_version or s.told_generation <> k.generation))"#,
            node.0,
            &agents,
            &devices,
            &tokens,
            now
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        let concerned = rows.into_iter().map(|row| Concerned {
            socket: Sitting {
                agent: row.agent.into(),
                device: row.device.into(),
                token: row.token.into(),
            },
            has_ended: row.has_ended,
        });
        Ok(concerned.collect())
    }

    /// Notes that these devices are alive on this node: one statement for all of them.
    pub async fn heartbeat(&mut self, node: NodeId, devices: &[Uuid]) -> Result<()> {
        let now = self.0.now();
        sqlx::query!(
            "update device_connections set heartbeat_at = $3 where node = $1 and device_id = any ($2)",
            node.0,
            devices,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Devices whose connection no node has kept alive since a time, at most so many: their node was killed.
    pub async fn silent(&mut self, since: DateTime, most: i64) -> Result<Vec<(AgentId, DeviceId)>> {
        let rows = sqlx::query!(
            "select agent_id, device_id from device_connections where heartbeat_at < $1
             order by heartbeat_at limit $2",
            since,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.agent_id.into(), row.device_id.into()))
            .collect())
    }

    /// Removes the connection of a silent device; false when it is alive again. The device's row first, as everywhere.
    pub async fn remove_silent(&mut self, id: DeviceId, since: DateTime) -> Result<bool> {
        let agent = self.0.agent();
        sqlx::query!(
            "update devices d set last_seen_at = k.heartbeat_at from device_connections k
             where d.agent_id = $1 and d.id = $2 and k.agent_id = $1 and k.device_id = $2 and k.heartbeat_at < $3",
            agent.0,
            id.0,
            since
        )
        .execute(self.0.connection())
        .await?;
        let done = sqlx::query!(
            "delete from device_connections where agent_id = $1 and device_id = $2 and heartbeat_at < $3",
            agent.0,
            id.0,
            since
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
