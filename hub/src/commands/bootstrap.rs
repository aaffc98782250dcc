//! `hub bootstrap`: the first agent with its persona, location, spaces, satellites and claim code.

use std::{path::PathBuf, process::ExitCode};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    satellite::settings,
    start::{StartError, open},
};
use crate::{
    adapters::keys::write_private,
    audit::record::Record,
    config::{BootstrapConfig, Config},
    devices::register::{NewDevice, register},
    error::{Error, Result},
    hub::Hub,
    identity::{Actor, Trust, claim::insert_code},
    ids::{AgentId, DeviceId, LocationId, SpaceId},
    places::{
        PrivacyMode, Space,
        create_space::{NewSpace, create_space},
    },
    storage::{NewAgent, Tx, TxScope},
};

/// What the default persona says.
const INSTRUCTIONS: &str = "You are the agent of this household. You are helpful, brief and honest. You say what you know \
     from memory and what you do not know, and you propose actions instead of promising them.";

/// Makes the first agent. Does nothing when there is one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hub bootstrap\n  HUB_BOOTSTRAP__AGENT=jarvis hub bootstrap")]
pub struct Args {}

/// What was made.
#[derive(Debug)]
pub struct Bootstrapped {
    /// The agent.
    pub agent: AgentId,
    /// Its owner's one-time code.
    pub code: SecretString,
    /// Each satellite with its credential.
    pub satellites: Vec<Satellite>,
}

/// A satellite with its credential.
#[derive(Debug)]
pub struct Satellite {
    /// Its name.
    pub name: String,
    /// Its id.
    pub device: DeviceId,
    /// Its space.
    pub space: SpaceId,
    /// Its credential.
    pub token: SecretString,
}

/// Runs the command.
pub async fn run(_: Args, config: Config) -> Result<ExitCode, StartError> {
    let hub = open(config).await?;
    match bootstrap_if_empty(&hub).await? {
        Some(made) => super::say(&format!(
            "made the agent {}; its claim code is in {}",
            made.agent,
            code_path(&hub).display()
        )),
        None => super::say("there is an agent already: nothing to do"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the first agent if there is none. Its credentials and its claim code are in private files before it exists, so that
/// a crash in between leaves an agent that can be claimed, or none.
pub async fn bootstrap_if_empty(hub: &Hub) -> Result<Option<Bootstrapped>> {
    if !hub.db.begin_system().await?.identity().agents().await?.is_empty() {
        return Ok(None);
    }
    let agent = AgentId::mint();
    let mut tx = hub.db.begin(TxScope::WholeAgent(agent), Actor::hub()).await?;
    // Of two processes that start at once on an empty database, one makes the agent.
    if !tx.identity().begin_bootstrap().await? {
        return Ok(None);
    }
    let (code, satellites) = make(&mut tx, &hub.config.bootstrap).await?;
    let made = Bootstrapped {
        agent,
        code,
        satellites,
    };
    write_files(hub, &made).map_err(|error| Error::because("the credentials could not be written", error))?;
    tx.commit().await?;
    Ok(Some(made))
}

/// Where the claim code of the first agent is kept until it is used.
#[must_use]
pub fn code_path(hub: &Hub) -> PathBuf {
    hub.config.dir.join("claim-code")
}

async fn make(tx: &mut Tx, wanted: &BootstrapConfig) -> Result<(SecretString, Vec<Satellite>)> {
    let new = NewAgent {
        name: &wanted.agent,
        time_zone: &wanted.time_zone,
        language: &wanted.language,
        instructions: INSTRUCTIONS,
    };
    tx.record(Record::of("create_agent").on("agent", tx.agent().0));
    tx.identity().insert_agent(&new).await?;
    let location = LocationId::mint();
    tx.places().insert_location(location, &wanted.location).await?;
    insert_elsewhere(tx).await?;
    let mut satellites = Vec::new();
    for name in &wanted.spaces {
        satellites.push(space_with_satellite(tx, location, name).await?);
    }
    Ok((insert_code(tx).await?, satellites))
}

async fn insert_elsewhere(tx: &mut Tx) -> Result<()> {
    let now = tx.now();
    let elsewhere = Space {
        id: SpaceId::mint(),
        location_id: None,
        name: "elsewhere".to_owned(),
        privacy_mode: PrivacyMode::Normal,
        is_elsewhere: true,
        created_at: now,
        updated_at: now,
    };
    let is_new = tx.places().insert_space(&elsewhere).await?;
    if is_new {
        Ok(())
    } else {
        Err(Error::internal("a new agent has a space already"))
    }
}

async fn space_with_satellite(tx: &mut Tx, location: LocationId, name: &str) -> Result<Satellite> {
    let new = NewSpace {
        name: name.to_owned(),
        location: Some(location),
        privacy_mode: PrivacyMode::Normal,
    };
    let space = create_space(tx, new).await?.id;
    let new = NewDevice {
        name: name.to_owned(),
        space,
        default_trust: Trust::Household,
    };
    let (device, token) = register(tx, new).await?;
    Ok(Satellite {
        name: name.to_owned(),
        device: device.id,
        space,
        token,
    })
}

fn write_files(hub: &Hub, made: &Bootstrapped) -> std::io::Result<()> {
    for satellite in &made.satellites {
        let credentials = json!({
            "device_id": satellite.device,
            "agent_id": made.agent,
            "name": satellite.name,
            "token": satellite.token.expose_secret(),
        });
        let path = hub
            .config
            .dir
            .join("satellites")
            .join(format!("{}.json", satellite.name));
        replace_private(&path, &credentials.to_string())?;
        // So that the story can be told: what it shows and says is printed.
        settings::write_first(&path.with_extension("toml"))?;
    }
    replace_private(&code_path(hub), made.code.expose_secret())
}

/// The database is new, so a file of an earlier one is of no use.
fn replace_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_private(path, text)
}
