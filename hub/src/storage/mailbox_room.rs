//! How full the mailboxes are, and what devices hold of them.

use super::Commands;
use crate::{
    error::Result,
    ids::{DeviceId, UserId},
};

/// Commands that a device holds, or may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of all.
    pub all: i64,
    /// Of those that people sent.
    pub by_people: i64,
}

impl Commands<'_> {
    /// How many commands the device holds without having answered.
    pub async fn in_flight(&mut self, device: DeviceId) -> Result<Room> {
        let agent = self.0.agent();
        let count = sqlx::query_as!(
            Room,
            r#"select count(*) as "all!", count(sent_by) as "by_people!" from commands
               where agent_id = $1 and device_id = $2 and state in ('sent', 'acknowledged')"#,
            agent.0,
            device.0
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// How many commands of a device that one user sent have not ended. A sender sees all of theirs.
    pub async fn open_by(&mut self, device: DeviceId, sender: UserId) -> Result<i64> {
        let agent = self.0.agent();
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from commands
               where agent_id = $1 and device_id = $2 and sent_by = $3 and state in ('queued', 'sent', 'acknowledged')"#,
            agent.0,
            device.0,
            sender.0
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// How many commands of a device have not ended.
    pub async fn open(&mut self, device: DeviceId) -> Result<i64> {
        let agent = self.0.agent();
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from commands
               where agent_id = $1 and device_id = $2 and state in ('queued', 'sent', 'acknowledged')"#,
            agent.0,
            device.0
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }
}
