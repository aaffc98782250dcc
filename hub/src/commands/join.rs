//! `hub join`: comes in with the code of an invitation.

use std::process::ExitCode;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    login::{Who, ask_who, greet, keep, warn_if_open},
    remote::{self, Call, Failure, Options, Remote},
};
use crate::secret::normalize_code;

/// Where codes are accepted.
const PATH: &str = "/v1/invitations/accept";

/// Join a household with the code that somebody gave you
///
/// Choose a login name and a password, or give those that you have at this hub. You are signed in then: the sign-in is kept in
/// `.hub/login.json`, in the place of another one, until `hub logout` or 30 days without use.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The one-time code, as `hub invite` printed it
    code: SecretString,

    #[command(flatten)]
    who: Who,

    /// Join as the one who is signed in here
    #[arg(long, conflicts_with_all = ["name", "password_stdin"])]
    signed_in: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub join ABCDE-FGHJK-LMNPQ-RSTUV --url https://hub.example.com
  hub join ABCDE-FGHJK-LMNPQ-RSTUV --signed-in
  printf %s \"$PASSWORD\" | hub join ABCDE-FGHJK-LMNPQ-RSTUV --name bob --password-stdin";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("join", &args.options, async |hub| join(&args, hub).await).await
}

pub(super) async fn join(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    hub.client.use_sign_in();
    let code = normalize_code(&args.code);
    if args.signed_in {
        let call = Call::post(PATH, json!({"code": code.expose_secret()}));
        if hub.is_curl() {
            return hub.show_curl(&call);
        }
        hub.client.call(&call).await?;
        return greet(hub, "").await;
    }
    if hub.is_curl() {
        hub.terminal
            .remark("# put your own password in; it will be in the history of your shell");
        let name = args.who.name.as_deref().unwrap_or("NAME");
        return hub.show_curl(&request(&code, name, &"PASSWORD".into()));
    }
    warn_if_open(hub);
    // Not the one who is signed in here: on a shared machine that is somebody else.
    let person = ask_who(&args.who, hub, None, true)?;
    let call = request(&code, &person.name, &person.password);
    keep(hub, &call, person.name).await?;
    greet(hub, "").await
}

fn request(code: &SecretString, name: &str, password: &SecretString) -> Call {
    let (code, password) = (code.expose_secret(), password.expose_secret());
    Call::post(PATH, json!({"code": code, "name": name, "password": password})).open()
}
