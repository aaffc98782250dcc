//! `hub pair`: looks at a device that shows a code, and lets it in or sends it away.

use std::process::ExitCode;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    remote::{self, Call, Failure, Names, Options, Remote},
    terminal::{ago, one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    devices::{Device, SATELLITE_SCOPES},
    pairings::Pairing,
};

/// Where a code is looked at.
const FIND: &str = "/v1/agents/self/pairings/find";
/// Where it is approved.
const APPROVE: &str = "/v1/agents/self/pairings/approve";
/// Where it is rejected.
const REJECT: &str = "/v1/agents/self/pairings/reject";

/// Let a device in that shows a code, or send it away
///
/// Shows first what the device says of itself and where it asked from; nobody has checked it. Let in only what you have just
/// started yourself. The device gets its credential by itself, and nobody else sees it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The code that the device shows
    code: String,

    /// What to call it [default: what it calls itself]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The space it is in [default: the one of its name, or the only one]
    #[arg(long, value_name = "SPACE")]
    space: Option<String>,

    /// What it may do: `events:write`, `commands:receive`, `state:write`, `events:read`; may be repeated [default: the first three]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// Of the kinds it can carry out, those it may be used for; may be repeated [default: all]
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,

    /// Let it in without asking
    #[arg(long, conflicts_with = "reject")]
    yes: bool,

    /// Send it away
    #[arg(long, conflicts_with_all = ["name", "space", "scopes", "kinds"])]
    reject: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub pair WDJB-MJHT
  hub pair WDJB-MJHT --name hall --space kitchen --yes
  hub pair WDJB-MJHT --reject";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("pair", &args.options, async |hub| pair(&args, hub).await).await
}

pub(super) async fn pair(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let code = json!({"user_code": args.code});
    if args.reject {
        return reject(hub, code).await;
    }
    let found: Pairing = hub.client.call_for(&Call::post(FIND, code)).await?;
    if !hub.is_json() && !hub.is_curl() {
        hub.show(about(&found, SystemClock.now()))?;
    }
    let wanted = wanted(args, hub, &found).await?;
    let call = Call::post(APPROVE, wanted.body).once();
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    if !hub.is_json() {
        hub.show(wanted.told)?;
    }
    let unasked = "nobody is here to be asked: add --yes to let it in, or --reject to send it away";
    if !args.yes && !hub.agreed("Let it in?", unasked)? {
        hub.terminal.remark("Nothing was done; the device still waits.");
        return Ok(ExitCode::FAILURE);
    }
    let device: Device = hub.client.call_for(&call).await?;
    let done = format!("{} is let in, and comes by itself.", one_line(&device.name));
    hub.tell(&device, done)
}

async fn reject(hub: &mut Remote, code: Value) -> Result<ExitCode, Failure> {
    let call = Call::post(REJECT, code).once();
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    let rejected: Pairing = hub.client.call_for(&call).await?;
    hub.tell(&rejected, "Sent away.")
}

/// What is asked of the hub, and what that means.
struct Wanted {
    body: Value,
    told: String,
}

async fn wanted(args: &Args, hub: &Remote, found: &Pairing) -> Result<Wanted, Failure> {
    let name = args.name.clone().or_else(|| found.asked.name.clone());
    let name = name.ok_or_else(|| Failure::Usage("what is it to be called? give --name".to_owned()))?;
    let (space, space_name) = space(args, hub, &name).await?;
    let mut body = json!({"user_code": args.code, "name": name, "space_id": space});
    if !args.scopes.is_empty() {
        body["scopes"] = json!(args.scopes);
    }
    if !args.kinds.is_empty() {
        body["capabilities"] = json!(args.kinds);
    }
    let scopes = if args.scopes.is_empty() {
        SATELLITE_SCOPES.map(|scope| scope.as_str().to_owned()).to_vec()
    } else {
        args.scopes.clone()
    };
    let told = format!(
        "  will be called  {}\n  is in           {}\n  may             {}",
        one_line(&name),
        one_line(&space_name),
        one_line(&scopes.join(", "))
    );
    Ok(Wanted { body, told })
}

/// The space that was named; else the one of the device's name, or the only one.
async fn space(args: &Args, hub: &Remote, name: &str) -> Result<(Uuid, String), Failure> {
    let names = Names::of_spaces(&hub.client).await?;
    let asked = args.space.as_deref().unwrap_or(name);
    if let Some(found) = names.find(asked) {
        return Ok(found);
    }
    let known = names.sorted();
    if let (None, [(id, only)]) = (&args.space, known.as_slice()) {
        return Ok((*id, only.clone()));
    }
    let list: Vec<&str> = known.iter().map(|(_, name)| name.as_str()).collect();
    let list = list.join(", ");
    Err(Failure::Usage(format!(
        "which space is it in? give --space: {list}"
    )))
}

/// What the device says of itself.
fn about(found: &Pairing, now: DateTime) -> String {
    let asked = &found.asked;
    let version = asked.version.as_deref().unwrap_or_default();
    let software = one_line(&format!("{} {version}", asked.software));
    let from = found.asked_from.as_deref().unwrap_or("an unknown address");
    let or_nothing = |list: &[String]| match list {
        [] => "nothing".to_owned(),
        list => one_line(&list.join(", ")),
    };
    format!(
        "{software} at {} asks to be let in.\n  asked           {}, the code dies in {}\n  says it can do  {}\n  wants to        {}",
        one_line(from),
        ago(found.created_at, now),
        span(now, found.expires_at),
        or_nothing(&asked.capabilities),
        or_nothing(&asked.scopes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::PairingId,
        pairings::{Asked, LIFE, PairingState},
    };

    #[test]
    fn what_asks_reads_at_a_glance_and_cannot_pretend() {
        let now = SystemClock.now();
        let found = Pairing {
            id: PairingId::mint(),
            state: PairingState::Waiting,
            asked: Asked {
                name: Some("hall".to_owned()),
                software: "a speaker\n  is in           kitchen".to_owned(),
                version: Some("2".to_owned()),
                capabilities: vec!["speaker.say".to_owned(), "echo".to_owned()],
                scopes: Vec::new(),
            },
            asked_from: Some("192.0.2.1".to_owned()),
            created_at: now,
            expires_at: now + LIFE,
        };
        assert_eq!(
            about(&found, now),
            "a speaker is in kitchen 2 at 192.0.2.1 asks to be let in.
  asked           just now, the code dies in 10 min
  says it can do  speaker.say, echo
  wants to        nothing"
        );
    }
}
