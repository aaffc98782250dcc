//! `hub logout`: ends the sign-in, here and at the hub.

use std::process::ExitCode;

use super::remote::{self, Call, Failure, Options, Remote};

/// End your sign-in, here and at the hub
///
/// While the hub cannot be reached nothing is changed: a forgotten sign-in would still be good there.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// End your sign-ins on all other devices, too: one may be lost, or in somebody else's hands
    #[arg(long)]
    everywhere: bool,
    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub logout
  hub logout --everywhere      # then: hub login, and hub password where somebody may know it";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("logout", &args.options, async |hub| {
        logout(args.everywhere, hub).await
    })
    .await
}

pub(super) async fn logout(everywhere: bool, hub: &mut Remote) -> Result<ExitCode, Failure> {
    hub.client.use_sign_in();
    let (path, done) = if everywhere {
        ("/v1/sign-out/everywhere", "Signed out everywhere.")
    } else {
        ("/v1/sign-out", "Signed out.")
    };
    let call = Call::bare_post(path);
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    let text = match hub.client.call(&call).await {
        Ok(_) => done,
        Err(Failure::SignInEnded { .. }) if everywhere => {
            "Signed out here; the sign-in had already ended. To end the others: hub login, and this again."
        }
        Err(Failure::SignInEnded { .. }) => "Signed out; the sign-in had already ended.",
        Err(failure) => return Err(failure),
    };
    hub.client.file().lock().await?.remove()?;
    if !hub.is_json() {
        hub.show(text)?;
    }
    Ok(ExitCode::SUCCESS)
}
