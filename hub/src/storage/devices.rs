//! Devices.

use serde_json::Value;
use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    devices::{Capability, Device, part},
    error::Result,
    events::Place,
    identity::Trust,
    ids::{DeviceId, PersonId, SpaceId},
    page::PageRequest,
};

/// The tables of devices.
pub struct Devices<'a>(pub(super) &'a mut Tx);

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
    approved_kinds: Option<Vec<String>>,
    scopes: Vec<String>,
    default_trust: String,
    software: Option<Value>,
    is_connected: bool,
    connected_at: Option<DateTime>,
    last_seen_at: Option<DateTime>,
    created_at: DateTime,
    revoked_at: Option<DateTime>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        let declared = capabilities(row.capabilities);
        let (capabilities, waiting_capabilities) = part(declared, row.approved_kinds.as_deref());
        Self {
            id: row.id.into(),
            space_id: row.space_id.into(),
            person_id: row.person_id.map(PersonId),
            name: row.name,
            capabilities,
            waiting_capabilities,
            scopes: row.scopes,
            default_trust: Trust::parse(&row.default_trust),
            software: row.software,
            is_connected: row.is_connected,
            connected_at: row.connected_at,
            last_seen_at: row.last_seen_at,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// A query of devices `d`: which, and what it is asked with.
macro_rules! devices {
    ($which:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            DeviceRow,
            r#"select d.id, d.space_id, d.person_id, d.name, d.capabilities, d.approved_kinds, d.scopes,
                 d.default_trust, d.software, (c.device_id is not null) as "is_connected!",
                 c.connected_at as "connected_at?", coalesce(c.heartbeat_at, d.last_seen_at) as last_seen_at,
                 d.created_at, d.revoked_at
               from devices d left join device_connections c on c.agent_id = d.agent_id and c.device_id = d.id "#
                + $which,
            $($argument),+
        )
    };
}

impl Devices<'_> {
    /// Inserts a device with the kinds that it may be used for; false when the name is taken by a live one.
    pub async fn insert(&mut self, device: &Device, approved_kinds: Option<&[String]>) -> Result<bool> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "insert into devices (agent_id, id, space_id, person_id, name, scopes, default_trust, created_at,
               approved_kinds)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (agent_id, lower(name)) where revoked_at is null do nothing",
            agent.0,
            device.id.0,
            device.space_id.0,
            device.person_id.map(|id| id.0),
            device.name,
            &device.scopes,
            device.default_trust.as_str(),
            device.created_at,
            approved_kinds
        )
        .execute(self.0.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// One device.
    pub async fn find(&mut self, id: DeviceId) -> Result<Option<Device>> {
        let agent = self.0.agent();
        let row = devices!("where d.agent_id = $1 and d.id = $2", agent.0, id.0);
        Ok(row.fetch_optional(self.0.connection()).await?.map(Device::from))
    }

    /// A live device, held until the end of this unit of work, so that it is not revoked meanwhile. Rows that refer to it can
    /// be made all the same. Before its connection's row, as everywhere.
    pub async fn lock_live(&mut self, id: DeviceId) -> Result<Option<Device>> {
        let agent = self.0.agent();
        let held = sqlx::query_scalar!(
            "select id from devices where agent_id = $1 and id = $2 and revoked_at is null for no key update",
            agent.0,
            id.0
        );
        match held.fetch_optional(self.0.connection()).await? {
            Some(_) => self.find(id).await,
            None => Ok(None),
        }
    }

    /// Lets a device be used for these kinds, too.
    pub async fn approve_kinds(&mut self, id: DeviceId, kinds: &[String]) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update devices set approved_kinds = array(
               select unnest(approved_kinds) union select unnest($3::text[]) order by 1)
             where agent_id = $1 and id = $2 and revoked_at is null",
            agent.0,
            id.0,
            kinds
        );
        let done = done.execute(self.0.connection()).await?;
        one(
            done.rows_affected(),
            "kinds of a device that is not there were approved",
        )
    }

    /// A page of devices by id, revoked ones too.
    pub async fn list(&mut self, page: PageRequest) -> Result<Vec<Device>> {
        let agent = self.0.agent();
        let rows = devices!(
            "where d.agent_id = $1 and ($2::uuid is null or d.id > $2) order by d.id limit $3",
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
        let rows = devices!(
            "where d.agent_id = $1 and d.revoked_at is null order by d.id limit $2",
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

    /// The live personal devices of a person.
    pub async fn personal_of(&mut self, person: PersonId) -> Result<Vec<Device>> {
        let agent = self.0.agent();
        let rows = devices!(
            "where d.agent_id = $1 and d.person_id = $2 and d.revoked_at is null order by d.id",
            agent.0,
            person.0
        );
        Ok(rows
            .fetch_all(self.0.connection())
            .await?
            .into_iter()
            .map(Device::from)
            .collect())
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
        Ok(self.place_of(id).await?.map(|place| place.space))
    }

    /// Where a device is, and whose: what is said of a personal device is for its person.
    pub async fn place_of(&mut self, id: DeviceId) -> Result<Option<Place>> {
        let agent = self.0.agent();
        let row = sqlx::query!(
            "select space_id, person_id from devices where agent_id = $1 and id = $2",
            agent.0,
            id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| Place {
            device: Some(id),
            audience: row.person_id.map(PersonId),
            ..Place::in_space(row.space_id.into())
        }))
    }
}

fn capabilities(stored: Value) -> Vec<Capability> {
    serde_json::from_value(stored).unwrap_or_default()
}
