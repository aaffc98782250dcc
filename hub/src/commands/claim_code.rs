//! `hub claim-code`: a new one-time code for an agent without an owner.

use std::process::ExitCode;

use secrecy::ExposeSecret;

use super::start::{StartError, open};
use crate::{config::Config, error::Error, identity::claim::mint_code};

/// Makes a new claim code; older ones become void. Refused when the agent has an owner.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hub claim-code")]
pub struct Args {}

/// Runs the command.
pub async fn run(_: Args, config: Config) -> Result<ExitCode, StartError> {
    let hub = open(config).await?;
    let agents = hub.db.begin_system().await?.identity().agents().await?;
    let (agent, name) = agents.into_iter().next().ok_or(Error::NotFound {
        what: "agent: run `hub bootstrap` first",
    })?;
    let code = mint_code(&hub, agent).await?;
    super::say(&format!(
        "claim code of {name}, good once and for 7 days:\n\n  {}\n",
        code.expose_secret()
    ));
    super::say(&format!("next: hub login --code {}", code.expose_secret()));
    Ok(ExitCode::SUCCESS)
}
