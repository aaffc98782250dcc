//! `hub password`: choosing another password.

use std::process::ExitCode;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    login::{Who, ask_password},
    remote::{self, Call, Failure, Options, Remote},
};

/// Choose another password
///
/// You are asked for the one that you have, and twice for the new one. Your sign-ins on all other devices end at once; this one goes on.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Read both from standard input, a line each: the old one, then the new one
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub password
  printf '%s\\n' \"$OLD\" \"$NEW\" | hub password --password-stdin";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("password", &args.options, async |hub| password(&args, hub).await).await
}

async fn password(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    hub.client.use_sign_in();
    if hub.is_curl() {
        return hub.show_curl(&request(&"OLD".into(), &"NEW".into()));
    }
    let who = Who {
        name: None,
        password_stdin: args.password_stdin,
    };
    let old = ask_password(&who, &mut hub.terminal, false)?;
    let new = ask_password(&who, &mut hub.terminal, true)?;
    hub.client.call(&request(&old, &new)).await?;
    if !hub.is_json() {
        hub.show("Changed. Your sign-ins on all other devices have ended.")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn request(old: &SecretString, new: &SecretString) -> Call {
    let body = json!({"password": old.expose_secret(), "new_password": new.expose_secret()});
    Call::put("/v1/me/password", body)
}
