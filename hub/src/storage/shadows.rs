//! The shadows of devices.

use serde_json::Value;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    devices::{
        Device, Socket,
        shadow::{Desired, Document, Reported, Shadow},
    },
    error::{Error, Result},
    ids::DeviceId,
};

/// The table of shadows.
pub struct Shadows<'a>(&'a mut Tx);

impl Tx {
    /// The table of shadows.
    pub fn shadows(&mut self) -> Shadows<'_> {
        Shadows(self)
    }
}

/// What a device's socket has not been told yet.
#[derive(Debug)]
pub struct Untold {
    /// As it is now.
    pub shadow: Shadow,
    /// Whether this socket was told another version before.
    pub was_told: bool,
}

struct ShadowRow {
    desired: Value,
    desired_version: i64,
    desired_at: Option<DateTime>,
    reported: Value,
    reported_version: i64,
    reported_at: Option<DateTime>,
    reached_version: i64,
}

impl ShadowRow {
    fn of(self, device: DeviceId) -> Shadow {
        let desired = Desired {
            state: document(self.desired),
            version: self.desired_version,
            changed_at: self.desired_at,
        };
        let reported = Reported {
            state: document(self.reported),
            version: self.reported_version,
            changed_at: self.reported_at,
            reached_version: self.reached_version,
        };
        Shadow::of(device, desired, reported)
    }
}

/// The table holds objects only.
fn document(stored: Value) -> Document {
    match stored {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

impl Shadows<'_> {
    /// The shadow of a device, if it has one that may be seen.
    pub async fn find(&mut self, device: DeviceId) -> Result<Option<Shadow>> {
        let agent = self.0.agent();
        let row = sqlx::query_as!(
            ShadowRow,
            "select desired, desired_version, desired_at, reported, reported_version, reported_at, reached_version
             from device_shadows where agent_id = $1 and device_id = $2",
            agent.0,
            device.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| row.of(device)))
    }

    /// The shadow of a device, made if there is none, and held until this unit of work ends: of two who change it, one waits.
    /// Before the agent's head, as everywhere.
    pub async fn lock(&mut self, device: &Device) -> Result<Shadow> {
        let agent = self.0.agent();
        sqlx::query!(
            "insert into device_shadows (agent_id, device_id, audience_person_id) values ($1, $2, $3)
             on conflict (agent_id, device_id) do nothing",
            agent.0,
            device.id.0,
            device.person_id.map(|id| id.0)
        )
        .execute(self.0.connection())
        .await?;
        let row = sqlx::query_as!(
            ShadowRow,
            "select desired, desired_version, desired_at, reported, reported_version, reported_at, reached_version
             from device_shadows where agent_id = $1 and device_id = $2 for no key update",
            agent.0,
            device.id.0
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        let row = row.ok_or(Error::NotFound { what: "device" })?;
        Ok(row.of(device.id))
    }

    /// Removes shadows of devices that never come back, whoever may see them, at most so many.
    pub async fn purge(&mut self, most: i64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from device_shadows where (agent_id, device_id) in
               (select s.agent_id, s.device_id from device_shadows s
                join devices d on d.agent_id = s.agent_id and d.id = s.device_id
                where d.revoked_at is not null limit $1)",
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }

    /// Removes the shadow of a device that never comes back, if it may be seen; else [`Self::purge`] does.
    pub async fn remove(&mut self, device: DeviceId) -> Result<()> {
        let agent = self.0.agent();
        sqlx::query!(
            "delete from device_shadows where agent_id = $1 and device_id = $2",
            agent.0,
            device.0
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// Keeps what is desired now.
    pub async fn set_desired(&mut self, shadow: &Shadow, salt: &[u8; 32]) -> Result<()> {
        let agent = self.0.agent();
        let done = sqlx::query!(
            "update device_shadows set desired = $3, desired_version = $4, desired_at = $5, desired_salt = $6
             where agent_id = $1 and device_id = $2 and desired_version + 1 = $4",
            agent.0,
            shadow.device_id.0,
            Value::Object(shadow.desired.state.clone()),
            shadow.desired.version,
            shadow.desired.changed_at,
            salt.as_slice()
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "what is desired was not held as it changed")
    }

    /// Keeps what is reported now.
    pub async fn set_reported(&mut self, shadow: &Shadow, salt: &[u8; 32]) -> Result<()> {
        let agent = self.0.agent();
        let reported = &shadow.reported;
        let done = sqlx::query!(
            "update device_shadows set reported = $3, reported_version = $4, reported_at = $5, reported_salt = $6,
               reached_version = $7
             where agent_id = $1 and device_id = $2 and reported_version + 1 = $4",
            agent.0,
            shadow.device_id.0,
            Value::Object(reported.state.clone()),
            reported.version,
            reported.changed_at,
            salt.as_slice(),
            reported.reached_version
        );
        let done = done.execute(self.0.connection()).await?;
        one(
            done.rows_affected(),
            "what is reported was not held as it changed",
        )
    }

    /// What a socket has not been told of what is desired, marked as told; `again`: what it was told, too. The socket is held, so
    /// that no newer one is told meanwhile.
    pub async fn take_untold(&mut self, socket: Socket, again: bool) -> Result<Option<Untold>> {
        let agent = self.0.agent();
        // Nearly always nothing, and then nothing is locked or written.
        let row = sqlx::query!(
            r#"select desired, desired_version, desired_at, reported, reported_version, reported_at, reached_version,
                 told_generation = $3 as "was_told!"
               from device_shadows
               where agent_id = $1 and device_id = $2 and desired_version > 0
                 and ($4 or desired_version > told_version or told_generation <> $3)"#,
            agent.0,
            socket.device.0,
            socket.generation,
            again
        );
        let Some(row) = row.fetch_optional(self.0.connection()).await? else {
            return Ok(None);
        };
        sqlx::query!(
            "update device_shadows set told_version = $3, told_generation = $4 where agent_id = $1 and device_id = $2",
            agent.0,
            socket.device.0,
            row.desired_version,
            socket.generation
        )
        .execute(self.0.connection())
        .await?;
        let was_told = row.was_told;
        let row = ShadowRow {
            desired: row.desired,
            desired_version: row.desired_version,
            desired_at: row.desired_at,
            reported: row.reported,
            reported_version: row.reported_version,
            reported_at: row.reported_at,
            reached_version: row.reached_version,
        };
        Ok(Some(Untold {
            shadow: row.of(socket.device),
            was_told,
        }))
    }
}
