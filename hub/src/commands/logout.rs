//! `hub logout`: ends the sign-in, here and at the hub.

use std::process::ExitCode;

use super::remote::{self, Call, Failure, Options, Remote};

/// End your sign-in, here and at the hub
///
/// While the hub cannot be reached nothing is changed: a forgotten sign-in would still be good there.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("logout", &args.options, logout).await
}

pub(super) async fn logout(hub: &mut Remote) -> Result<ExitCode, Failure> {
    hub.client.use_sign_in();
    let call = Call::bare_post("/v1/sign-out");
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    let text = match hub.client.call(&call).await {
        Ok(_) => "Signed out.",
        Err(Failure::SignInEnded { .. }) => "Signed out; the sign-in had already ended.",
        Err(failure) => return Err(failure),
    };
    hub.client.file().lock().await?.remove()?;
    if !hub.is_json() {
        hub.show(text)?;
    }
    Ok(ExitCode::SUCCESS)
}
