//! Devices and their connections.

use serde_json::Value;
use uuid::Uuid;

use super::Tx;
use crate::{
    clock::DateTime,
    devices::{Capability, Device, Socket, Standing},
    error::Result,
    identity::Trust,
    ids::{DeviceId, NodeId, PersonId, SpaceId},
    page::PageRequest,
};

/// What happened to a credential this long ago has reached its sockets.
const LATELY: chrono::Duration = chrono::Duration::seconds(30);

/// The tables of devices.
pub struct Devices<'a>(&'a mut Tx);

impl Tx {
    /// The tables of devices.
    pub fn devices(&mut self) -> Devices<'_> {
        Devices(self)
    }
}

struct DeviceRow {
    id: Uuid,
    space_id: Uuid,
    person_id: Option<Uuid>,
    name: String,
    capabilities: Value,
    scopes: Vec<String>,
    default_trust: String,
    software: Option<Value>,
    is_connected: bool,
    last_seen_at: Option<DateTime>,
    created_at: DateTime,
    revoked_at: Option<DateTime>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.id.into(),
            space_id: row.space_id.into(),
            person_id: row.person_id.map(PersonId),
            name: row.name,
            capabilities: capabilities(row.capabilities),
            scopes: row.scopes,
            default_trust: Trust::parse(&row.default_trust),
            software: row.software,
            is_connected: row.is_connected,
            last_seen_at: row.last_seen_at,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        }
    }
}

impl Devices<'_> {
    /// Inserts a device; false when the name is taken by a live one.
    pub async fn insert(&mut self, device: &Device) -> Result<bool> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "insert into devices (agent_id, id, space_id, person_id, name, scopes, default_trust, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (agent_id, lower(name)) where revoked_at is null do nothing",
            agent.0,
            device.id.0,
            device.space_id.0,
            device.person_id.map(|id| id.0),
            device.name,
            &device.scopes,
            device.default_trust.as_str(),
            device.created_at
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// One device.
    pub async fn find(&mut self, id: DeviceId) -> Result<Option<Device>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            DeviceRow,
            r#"select d.id, d.space_id, d.person_id, d.name, d.capabilities, d.scopes, d.default_trust, d.software,
                 (c.device_id is not null) as "is_connected!", coalesce(c.heartbeat_at, d.last_seen_at) as last_seen_at,
                 d.created_at, d.revoked_at
               from devices d left join device_connections c on c.agent_id = d.agent_id and c.device_id = d.id
               where d.agent_id = $1 and d.id = $2"#,
            agent.0,
            id.0
        );
        Ok(row.fetch_optional(self.0.connection()).await?.map(Device::from))
    }

    /// A page of devices by id, revoked ones too.
    pub async fn list(&mut self, page: PageRequest) -> Result<Vec<Device>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            DeviceRow,
            r#"select d.id, d.space_id, d.person_id, d.name, d.capabilities, d.scopes, d.default_trust, d.software,
                 (c.device_id is not null) as "is_connected!", coalesce(c.heartbeat_at, d.last_seen_at) as last_seen_at,
                 d.created_at, d.revoked_at
               from devices d left join device_connections c on c.agent_id = d.agent_id and c.device_id = d.id
               where d.agent_id = $1 and ($2::uuid is null or d.id > $2) order by d.id limit $3"#,
            agent.0,
            page.after,
            page.rows()
        );
        Ok(rows
            .fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Device::from)
            .collect())
    }

    /// Every live device, for a turn's context; bounded.
    pub async fn live(&mut self, most: i64) -> Result<Vec<Device>> {
        let agent = self.0.agent();
        let rows = sqlx::query_as!(
            DeviceRow,
            r#"select d.id, d.space_id, d.person_id, d.name, d.capabilities, d.scopes, d.default_trust, d.software,
                 (c.device_id is not null) as "is_connected!", coalesce(c.heartbeat_at, d.last_seen_at) as last_seen_at,
                 d.created_at, d.revoked_at
               from devices d left join device_connections c on c.agent_id = d.agent_id and c.device_id = d.id
               where d.agent_id = $1 and d.revoked_at is null order by d.id limit $2"#,
            agent.0,
            most
        );
        Ok(rows
            .fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Device::from)
            .collect())
    }

    /// Takes what a device says of itself at hello, and gives its socket the next generation. None when the device was
    /// revoked.
    pub async fn connect(&mut self, id: DeviceId, node: NodeId, hello: &Hello) -> Result<Option<i64>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let generation = sqlx::query_scalar!(
            "update devices set generation = generation + 1, capabilities = $3, software = $4, last_seen_at = $5
             where agent_id = $1 and id = $2 and revoked_at is null returning generation",
            agent.0,
            id.0,
            hello.capabilities,
            hello.software,
            now
        )
        .fetch_optional(self.0.connection())
        .await?;
        let Some(generation) = generation else {
            return Ok(None);
        };
        sqlx::query!(
            "insert into device_connections (agent_id, device_id, node, generation, connected_at, heartbeat_at)
             values ($1, $2, $3, $4, $5, $5)
             on conflict (agent_id, device_id) do update
               set node = excluded.node, generation = excluded.generation, connected_at = excluded.connected_at,
                 heartbeat_at = excluded.heartbeat_at",
            agent.0,
            id.0,
            node.0,
            generation,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(Some(generation))
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

    /// A connection that is not there was replaced, or aged out while its node could not reach the database; then it is
    /// taken up again.
    async fn take_up(&mut self, socket: Socket) -> Result<Standing> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let device = sqlx::query!(
            r#"select generation, revoked_at is not null as "is_revoked!" from devices
               where agent_id = $1 and id = $2 for update"#,
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
        sqlx::query!(
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
        Ok(Standing::Newest)
    }

    /// Which of these devices, connected here, have something to do: a command waits, the device or a credential of it was
    /// revoked or has expired, or another socket took over.
    pub async fn concerned(&mut self, node: NodeId, devices: &[Uuid]) -> Result<Vec<Uuid>> {
        let now = self.0.now();
        let lately = now - LATELY;
        let rows = sqlx::query_scalar!(
            r#"select d.id from unnest($2::uuid[]) as here(id) join devices d on d.id = here.id
               where d.revoked_at > $4
                 or exists (select from commands c where c.agent_id = d.agent_id and c.device_id = d.id
                   and c.state = 'queued' and c.deadline_at > $3)
                 or exists (select from access_tokens t where t.agent_id = d.agent_id and t.device_id = d.id
                   and (t.revoked_at > $4 or (t.expires_at > $4 and t.expires_at <= $3)))
                 or not exists (select from device_connections k where k.agent_id = d.agent_id
                   and k.device_id = d.id and k.node = $1)"#,
            node.0,
            devices,
            now,
            lately
        );
        Ok(rows.fetch_all(self.0.connection()).await?)
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

    /// Ends a device; false when it had ended.
    pub async fn revoke(&mut self, id: DeviceId) -> Result<bool> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update devices set revoked_at = $3 where agent_id = $1 and id = $2 and revoked_at is null",
            agent.0,
            id.0,
            now
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The next place in a device's order.
    pub async fn next_seq(&mut self, id: DeviceId) -> Result<i64> {
        let agent = self.0.agent();
        let seq = sqlx::query_scalar!(
            "update devices set command_seq = command_seq + 1 where agent_id = $1 and id = $2 returning command_seq",
            agent.0,
            id.0
        );
        Ok(seq.fetch_one(self.0.connection()).await?)
    }

    /// The space of a device.
    pub async fn space_of(&mut self, id: DeviceId) -> Result<Option<SpaceId>> {
        let agent = self.0.agent();
        let space = sqlx::query_scalar!(
            "select space_id from devices where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        Ok(space.fetch_optional(self.0.connection()).await?.map(SpaceId))
    }

    /// Removes the connections that no node has kept alive since a time: their node was killed.
    pub async fn remove_silent(&mut self, since: DateTime) -> Result<u64> {
        let done = sqlx::query!("delete from device_connections where heartbeat_at < $1", since)
            .execute(self.0.connection())
            .await?;
        Ok(done.rows_affected())
    }
}

/// What a device says of itself.
#[derive(Debug, Clone)]
pub struct Hello {
    /// A list of capabilities.
    pub capabilities: Value,
    /// What runs on it.
    pub software: Option<Value>,
}

fn capabilities(stored: Value) -> Vec<Capability> {
    serde_json::from_value(stored).unwrap_or_default()
}
