//! `hub token`: an access token, for what asks the hub in its own way.

use std::process::ExitCode;

use secrecy::ExposeSecret;

use super::remote::{self, Address, Failure, Options, Remote};

/// Print an access token that is good for some minutes, for curl and other programs
///
/// With `HUB_TOKEN` set, that one: it is good until its own end.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    address: Address,
}

const EXAMPLES: &str = r#"Examples:
  curl -sS -H "Authorization: Bearer $(hub token)" http://127.0.0.1:8080/v1/me"#;

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    let options = Options::from(args.address);
    remote::run("token", &options, token).await
}

async fn token(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let token = hub.client.token().await?;
    hub.show(token.expose_secret())?;
    Ok(ExitCode::SUCCESS)
}
