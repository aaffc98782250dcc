//! Pairings: rows of the hub itself, whoever's device comes of them.

use uuid::Uuid;

use super::{Tx, identity::one};
use crate::{
    clock::DateTime,
    error::Result,
    ids::{AgentId, DeviceId, PairingId, UserId},
    pairings::{Asked, COLLECT_WITHIN, KEPT, Pairing, PairingState, Polling},
    secret::SecretHash,
};

/// The table of pairings.
pub struct Pairings<'a>(&'a mut Tx);

impl Tx {
    /// The table of pairings.
    pub fn pairings(&mut self) -> Pairings<'_> {
        Pairings(self)
    }
}

/// A device that asks.
#[derive(Debug)]
pub struct NewPairing {
    /// Its id.
    pub id: PairingId,
    /// What is kept of the device code.
    pub device_code: SecretHash,
    /// As it was minted.
    pub user_code: String,
    /// What the device says of itself.
    pub asked: Asked,
    /// The address it asked from.
    pub asked_from: Option<String>,
    /// The network of that address.
    pub network: Option<String>,
    /// Seconds between polls.
    pub interval_s: i32,
    /// When its codes die.
    pub expires_at: DateTime,
}

struct PairingRow {
    id: Uuid,
    state: String,
    name: Option<String>,
    software: String,
    version: Option<String>,
    capabilities: Vec<String>,
    scopes: Vec<String>,
    asked_from: Option<String>,
    created_at: DateTime,
    expires_at: DateTime,
}

impl From<PairingRow> for Pairing {
    fn from(row: PairingRow) -> Self {
        let asked = Asked {
            name: row.name,
            software: row.software,
            version: row.version,
            capabilities: row.capabilities,
            scopes: row.scopes,
        };
        Self {
            id: row.id.into(),
            state: PairingState::parse(&row.state),
            asked,
            asked_from: row.asked_from,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

impl Pairings<'_> {
    /// How many wait for a person.
    pub async fn waiting(&mut self) -> Result<i64> {
        let now = self.0.now();
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from pairings where state = 'waiting' and expires_at > $1"#,
            now
        );
        Ok(count.fetch_one(self.0.connection()).await?)
    }

    /// Ends the oldest that waits of the network that has most waiting, so that it still has as many as this one will have; none
    /// where no network has that many.
    pub async fn make_room(&mut self, network: Option<&str>) -> Result<Option<PairingId>> {
        let now = self.0.now();
        let ended = sqlx::query_scalar!(
            "with waiting as (
               select id, asked_from_network as network, created_at from pairings
               where state = 'waiting' and expires_at > $1),
             crowd as (
               select network from waiting group by network
               having count(*) > 1 + (select count(*) from waiting where network is not distinct from $2)
               order by count(*) desc, min(created_at) limit 1)
             update pairings set state = 'expired', expires_at = $1
             where id = (
               select p.id from pairings p join crowd on p.asked_from_network is not distinct from crowd.network
               where p.state = 'waiting' and p.expires_at > $1
               order by p.created_at, p.id limit 1 for update of p skip locked)
             returning id",
            now,
            network
        );
        Ok(ended.fetch_optional(self.0.connection()).await?.map(PairingId))
    }

    /// Inserts a pairing; false when its user code is taken.
    pub async fn insert(&mut self, new: &NewPairing) -> Result<bool> {
        let now = self.0.now();
        let done = sqlx::query!(
            "insert into pairings (id, device_code_sha256, user_code, state, name, software, version, capabilities,
               scopes, asked_from, asked_from_network, interval_s, created_at, expires_at)
             values ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             on conflict (user_code) do nothing",
            new.id.0,
            new.device_code.as_slice(),
            new.user_code,
            new.asked.name,
            new.asked.software,
            new.asked.version,
            &new.asked.capabilities,
            &new.asked.scopes,
            new.asked_from,
            new.network,
            new.interval_s,
            now,
            new.expires_at
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected() == 1)
    }

    /// The pairing of a user code.
    pub async fn find(&mut self, user_code: &str) -> Result<Option<Pairing>> {
        let row = sqlx::query_as!(
            PairingRow,
            "select id, state, name, software, version, capabilities, scopes, asked_from, created_at, expires_at
             from pairings where user_code = $1",
            user_code
        );
        Ok(row.fetch_optional(self.0.connection()).await?.map(Pairing::from))
    }

    /// The same, held until the end of this unit of work.
    pub async fn lock(&mut self, user_code: &str) -> Result<Option<Pairing>> {
        let row = sqlx::query_as!(
            PairingRow,
            "select id, state, name, software, version, capabilities, scopes, asked_from, created_at, expires_at
             from pairings where user_code = $1 for update",
            user_code
        );
        Ok(row.fetch_optional(self.0.connection()).await?.map(Pairing::from))
    }

    /// The pairing of a device code, held until the end of this unit of work.
    pub async fn lock_polled(&mut self, device_code: &SecretHash) -> Result<Option<Polling>> {
        let row = sqlx::query!(
            "select id, state, expires_at, polled_at, interval_s, approved_agent_id, device_id, collected_at,
               credential_salt
             from pairings where device_code_sha256 = $1 for update",
            device_code.as_slice()
        );
        let row = row.fetch_optional(self.0.connection()).await?;
        Ok(row.map(|row| Polling {
            id: row.id.into(),
            state: PairingState::parse(&row.state),
            expires_at: row.expires_at,
            polled_at: row.polled_at,
            interval_s: row.interval_s,
            device: row
                .approved_agent_id
                .zip(row.device_id)
                .map(|(agent, device)| (AgentId(agent), DeviceId(device))),
            collected: row
                .collected_at
                .zip(row.credential_salt.and_then(|salt| salt.try_into().ok())),
        }))
    }

    /// The device of this agent came of it, and may come for its credential.
    pub async fn approve(&mut self, id: PairingId, by: Option<UserId>, device: DeviceId) -> Result<()> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let done = sqlx::query!(
            "update pairings set state = 'approved', approved_agent_id = $2, device_id = $3, decided_by = $4,
               decided_at = $5, expires_at = greatest(expires_at, $6)
             where id = $1 and state = 'waiting'",
            id.0,
            agent.0,
            device.0,
            by.map(|user| user.0),
            now,
            now + COLLECT_WITHIN
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a pairing was decided twice")
    }

    /// Somebody said no.
    pub async fn reject(&mut self, id: PairingId, by: Option<UserId>) -> Result<()> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update pairings set state = 'rejected', decided_by = $2, decided_at = $3
             where id = $1 and state = 'waiting'",
            id.0,
            by.map(|user| user.0),
            now
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a pairing was decided twice")
    }

    /// The device polled, and waits so long from now on.
    pub async fn polled(&mut self, id: PairingId, interval_s: i32) -> Result<()> {
        let now = self.0.now();
        sqlx::query!(
            "update pairings set polled_at = $2, interval_s = $3 where id = $1",
            id.0,
            now,
            interval_s
        )
        .execute(self.0.connection())
        .await?;
        Ok(())
    }

    /// The credential was made with this salt.
    pub async fn collected(&mut self, id: PairingId, salt: &[u8; 32]) -> Result<()> {
        let now = self.0.now();
        let done = sqlx::query!(
            "update pairings set state = 'collected', collected_at = $2, credential_salt = $3
             where id = $1 and state = 'approved'",
            id.0,
            now,
            salt.as_slice()
        );
        let done = done.execute(self.0.connection()).await?;
        one(done.rows_affected(), "a credential was collected twice")
    }

    /// Those that were approved and never collected, with their agents: by id, from after one on, at most so many.
    pub async fn uncollected(&mut self, after: PairingId, most: i64) -> Result<Vec<(AgentId, PairingId)>> {
        let now = self.0.now();
        let rows = sqlx::query!(
            r#"select approved_agent_id as "agent!", id from pairings
               where state = 'approved' and expires_at <= $1 and id > $2 order by id limit $3"#,
            now,
            after.0,
            most
        );
        let rows = rows.fetch_all(self.0.connection()).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.agent.into(), row.id.into()))
            .collect())
    }

    /// Ends one that was never collected; its device, or none when it was.
    pub async fn expire(&mut self, id: PairingId) -> Result<Option<DeviceId>> {
        let (agent, now) = (self.0.agent(), self.0.now());
        let device = sqlx::query_scalar!(
            r#"update pairings set state = 'expired'
               where id = $1 and approved_agent_id = $2 and state = 'approved' and expires_at <= $3
               returning device_id as "device!""#,
            id.0,
            agent.0,
            now
        );
        Ok(device.fetch_optional(self.0.connection()).await?.map(DeviceId))
    }

    /// Removes those that ended long enough ago, at most so many.
    pub async fn purge(&mut self, most: i64) -> Result<u64> {
        let before = self.0.now() - KEPT;
        let done = sqlx::query!(
            "delete from pairings where id in
               (select id from pairings where expires_at < $1 and state <> 'approved' limit $2)",
            before,
            most
        );
        Ok(done.execute(self.0.connection()).await?.rows_affected())
    }
}
