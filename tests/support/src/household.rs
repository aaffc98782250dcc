//! An agent with a home: elsewhere, a kitchen and an office with a satellite each.

use hub::{
    devices::register::{NewDevice, register},
    error::Result,
    hub::Hub,
    identity::{Actor, Role, Trust},
    ids::{AgentId, LocationId, PersonId, SpaceId, TurnId, UserId},
    places::{
        PrivacyMode, Space,
        create_space::{NewSpace, create_space},
        update_space::{SpaceChange, update_space},
    },
    storage::{NewAgent, Tx, TxScope},
    turns::Turn,
};

use crate::{satellite::TestDevice, user::User};

/// An agent's home.
#[derive(Clone)]
pub struct Household {
    hub: Hub,
    /// The agent.
    pub agent: AgentId,
    /// The space for what happens in no known place.
    pub elsewhere: SpaceId,
    /// The satellite in the kitchen.
    pub kitchen: TestDevice,
    /// The satellite in the office.
    pub office: TestDevice,
}

impl Household {
    pub(crate) async fn found(hub: &Hub, name: &str) -> Self {
        let agent = AgentId::mint();
        let mut tx = whole(hub, agent).await;
        let new = NewAgent {
            name,
            time_zone: "UTC",
            language: "en",
            instructions: "Be kind.",
        };
        tx.identity()
            .insert_agent(&new)
            .await
            .expect("an agent can be made");
        let location = LocationId::mint();
        tx.places()
            .insert_location(location, name)
            .await
            .expect("a location can be made");
        let elsewhere = insert_elsewhere(&mut tx).await;
        let kitchen = furnish(hub, &mut tx, location, "kitchen").await;
        let office = furnish(hub, &mut tx, location, "office").await;
        tx.commit().await.expect("a household can be founded");
        Self {
            hub: hub.clone(),
            agent,
            elsewhere,
            kitchen,
            office,
        }
    }

    /// A new user who owns the agent.
    pub async fn owner(&self, name: &str) -> User {
        self.user(name, Role::Owner).await
    }

    /// A new user who lives with the agent.
    pub async fn member(&self, name: &str) -> User {
        self.user(name, Role::Member).await
    }

    /// A new user with a role in the agent, and the person they are to it.
    pub async fn user(&self, name: &str, role: Role) -> User {
        let (user, person) = (UserId::mint(), PersonId::mint());
        let mut tx = whole(&self.hub, self.agent).await;
        let is_new = tx.identity().insert_user(user, name, "no password").await;
        assert!(is_new.expect("a user can be made"), "{name} is taken");
        tx.identity()
            .insert_member(user, role, person, name)
            .await
            .expect("a member can be made");
        tx.commit().await.expect("a user can join");
        User::new(&self.hub, self.agent, (user, role, person))
    }

    /// Somebody changes a space's privacy mode.
    pub async fn set_privacy(&self, space: SpaceId, mode: PrivacyMode) -> Result<()> {
        let privacy_mode = Some(mode);
        self.change(
            space,
            SpaceChange {
                name: None,
                privacy_mode,
            },
        )
        .await
    }

    /// Somebody renames a space.
    pub async fn rename(&self, space: SpaceId, name: &str) -> Result<()> {
        let name = Some(name.to_owned());
        self.change(
            space,
            SpaceChange {
                name,
                privacy_mode: None,
            },
        )
        .await
    }

    async fn change(&self, space: SpaceId, change: SpaceChange) -> Result<()> {
        let mut tx = self.whole().await;
        update_space(&mut tx, space, change).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Somebody makes a space in no known location.
    pub async fn make_space(&self, name: &str) -> Result<()> {
        let mut tx = self.whole().await;
        let new = NewSpace {
            name: name.to_owned(),
            location: None,
            privacy_mode: PrivacyMode::Normal,
        };
        create_space(&mut tx, new).await?;
        tx.commit().await?;
        Ok(())
    }

    /// One more satellite, believed this far.
    pub async fn satellite(&self, name: &str, space: SpaceId, trust: Trust) -> TestDevice {
        let mut tx = self.whole().await;
        let new = NewDevice {
            name: name.to_owned(),
            space,
            default_trust: trust,
        };
        let (device, token) = register(&mut tx, new).await.expect("a device can be made");
        tx.commit().await.expect("a device can come");
        TestDevice::new(&self.hub, self.agent, &device, token)
    }

    /// A unit of work that sees what the household sees.
    pub async fn household_eyes(&self) -> Tx {
        let scope = TxScope::Agent {
            agent: self.agent,
            person: None,
            view: hub::places::View::All,
        };
        let begun = self.hub.db.begin(scope, Actor::hub()).await;
        begun.expect("the database is there")
    }

    /// A turn as it is now, whoever may see it.
    pub async fn turn(&self, id: TurnId) -> Turn {
        let found = self.whole().await.turns().find(id).await;
        found.expect("turns can be read").expect("the turn is there")
    }

    /// A unit of work that sees everything of the agent.
    pub async fn whole(&self) -> Tx {
        whole(&self.hub, self.agent).await
    }
}

async fn whole(hub: &Hub, agent: AgentId) -> Tx {
    hub.db
        .begin(TxScope::WholeAgent(agent), Actor::hub())
        .await
        .expect("the database is there")
}

async fn insert_elsewhere(tx: &mut Tx) -> SpaceId {
    let space = Space {
        id: SpaceId::mint(),
        location_id: None,
        name: "elsewhere".to_owned(),
        privacy_mode: PrivacyMode::Normal,
        is_elsewhere: true,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    tx.places()
        .insert_space(&space)
        .await
        .expect("elsewhere can be made");
    space.id
}

async fn furnish(hub: &Hub, tx: &mut Tx, location: LocationId, name: &str) -> TestDevice {
    let new = NewSpace {
        name: name.to_owned(),
        location: Some(location),
        privacy_mode: PrivacyMode::Normal,
    };
    let space = create_space(tx, new).await.expect("a space can be made");
    let new = NewDevice {
        name: name.to_owned(),
        space: space.id,
        default_trust: Trust::Household,
    };
    let (device, token) = register(tx, new).await.expect("a device can be made");
    TestDevice::new(hub, tx.agent(), &device, token)
}
