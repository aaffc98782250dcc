//! A hub with many households in it, made by the hub's own operations and not over the wire.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use hub::{
    clock::SystemClock,
    config::DatabaseConfig,
    devices::register::{NewDevice, register},
    identity::{Actor, Role, Trust},
    ids::{AgentId, DeviceId, LocationId, PersonId, SpaceId, UserId},
    places::{PrivacyMode, Space},
    storage::{Db, NewAgent, TxScope},
};
use secrecy::SecretString;
use support::Program;

use super::Settings;

/// Devices of one household: more than any has, and fewer than an agent may have.
const EACH: usize = 100;
/// Households that are made at once.
const AT_ONCE: usize = 4;
/// For connections of `hub serve` that are no satellites': a whole town that comes back at once among them.
const CONNECTIONS: &str = "8000";

/// A device with its credential.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) agent: AgentId,
    pub(crate) id: DeviceId,
    pub(crate) token: SecretString,
}

/// A running hub, and who lives with it.
pub(crate) struct Town {
    pub(crate) program: Program,
    pub(crate) devices: Vec<Device>,
    db: Db,
}

impl Town {
    /// Starts a hub with so many satellites, none of which is connected.
    pub(crate) async fn found(satellites: usize, set: Settings) -> Self {
        super::process::allow_files(satellites);
        let mut all = vec![
            ("HUB_SATELLITE__MAX_SOCKETS", "11000"),
            ("HUB_HTTP__MAX_CONNECTIONS", CONNECTIONS),
        ];
        all.extend(set.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let mut program = Program::new(&all).await;
        program.start().await;
        let db = open(program.database_url());
        let homes = satellites.div_ceil(EACH);
        super::tell(&format!(
            "{homes} households with {satellites} satellites are made"
        ));
        let counts = (0..homes).map(|number| EACH.min(satellites - number * EACH));
        let made = stream::iter(counts.map(|count| household(&db, count)));
        let devices: Vec<Vec<Device>> = made.buffer_unordered(AT_ONCE).collect().await;
        Self {
            program,
            devices: devices.into_iter().flatten().collect(),
            db,
        }
    }

    /// A user becomes a member of every household.
    pub(crate) async fn join_all(&self, user: UserId) {
        let mut agents: Vec<AgentId> = self.devices.iter().map(|device| device.agent).collect();
        agents.dedup();
        for agent in agents {
            let scope = TxScope::WholeAgent(agent);
            let mut tx = self.db.begin(scope, Actor::hub()).await.unwrap();
            let mut identity = tx.identity();
            let joined = identity.insert_member(user, Role::Owner, PersonId::mint(), "ada");
            joined.await.unwrap();
            tx.commit().await.unwrap();
        }
    }
}

/// The database of a hub, which must be on this machine: what is made here is made by thousands.
fn open(url: &str) -> Db {
    let config = DatabaseConfig {
        url: SecretString::from(url),
        ..DatabaseConfig::default()
    };
    let db = Db::new(&config, Arc::new(SystemClock)).unwrap();
    assert_eq!(
        db.way(),
        hub::storage::Way::Local,
        "the load driver works on a database of this machine only"
    );
    db
}

async fn household(db: &Db, count: usize) -> Vec<Device> {
    let agent = AgentId::mint();
    let mut tx = db.begin(TxScope::WholeAgent(agent), Actor::hub()).await.unwrap();
    let name = agent.to_string();
    let new = NewAgent {
        name: &name,
        time_zone: "UTC",
        language: "en",
        instructions: "Be kind.",
    };
    tx.identity().insert_agent(&new).await.unwrap();
    tx.places()
        .insert_location(LocationId::mint(), "home")
        .await
        .unwrap();
    let space = Space {
        id: SpaceId::mint(),
        location_id: None,
        name: "elsewhere".to_owned(),
        privacy_mode: PrivacyMode::Normal,
        is_elsewhere: true,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    tx.places().insert_space(&space).await.unwrap();
    let mut devices = Vec::with_capacity(count);
    for number in 0..count {
        let new = NewDevice {
            name: format!("satellite {number}"),
            space: space.id,
            default_trust: Trust::Household,
        };
        let (device, token) = register(&mut tx, new).await.unwrap();
        devices.push(Device {
            agent,
            id: device.id,
            token,
        });
    }
    tx.commit().await.unwrap();
    devices
}
