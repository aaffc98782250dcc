//! `hub devices`: the satellites of the agent, what they may be used for, and what waits for a person.

use std::process::ExitCode;

use serde_json::json;

use super::{
    device_state,
    remote::{self, Call, Failure, MAX_PAGES, Names, Options, Remote},
    terminal::{ago, one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    devices::{Capability, Device},
    page::Page,
};

/// Where they are.
const PATH: &str = "/v1/agents/self/devices";

/// Show the devices of the agent, and approve what they ask for
///
/// A device that says it can do more than what it was let in with is not used for that before you allow it: what waits is shown, and you are asked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Let the device of this name be used for all that waits
    #[arg(long, value_name = "NAME")]
    allow: Option<String>,

    /// With --allow, only for this kind; may be repeated
    #[arg(long = "kind", value_name = "KIND", requires = "allow")]
    kinds: Vec<String>,

    /// With --allow, without asking
    #[arg(long, requires = "allow")]
    yes: bool,

    /// What the device of this name says it is like, what is wanted of it, and what is left to do
    #[arg(long, value_name = "NAME", conflicts_with = "allow")]
    state: Option<String>,

    /// With --state, change what is wanted: a JSON object, in which null takes a key out
    #[arg(long, value_name = "JSON", requires = "state", value_parser = device_state::parse)]
    want: Option<device_state::Wanted>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub devices
  hub devices --allow hall
  hub devices --allow hall --kind door.open --yes
  hub devices --state hall
  hub devices --state hall --want '{\"light\":{\"on\":true},\"scene\":null}'";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("devices", &args.options, async |hub| devices(&args, hub).await).await
}

pub(super) async fn devices(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    if let Some(name) = &args.allow {
        return allow(args, hub, name).await;
    }
    if let Some(name) = &args.state {
        let device = named(hub, name).await?;
        let want = args.want.as_ref().map(|wanted| &wanted.0);
        return device_state::state(hub, &device, want).await;
    }
    list(hub).await
}

async fn list(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list::<Device>(&Call::list(PATH), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let spaces = Names::of_spaces(&hub.client).await?;
    let now = SystemClock.now();
    let live = all.items.iter().filter(|device| device.revoked_at.is_none());
    let entries: Vec<String> = live.map(|device| entry(device, &spaces, now)).collect();
    let shown = hub.show_list(&entries, "There are no devices yet.")?;
    if all.next_cursor.is_some() {
        hub.terminal.remark("There are more; these are the oldest.");
    }
    Ok(shown)
}

async fn named(hub: &Remote, name: &str) -> Result<Device, Failure> {
    let all: Page<Device> = hub.client.pages(&Call::list(PATH), MAX_PAGES).await?;
    let mut live = all.items.into_iter().filter(|device| device.revoked_at.is_none());
    let found = live.find(|device| device.name.to_lowercase() == name.to_lowercase());
    found.ok_or_else(|| Failure::Usage(format!("there is no device {name}; see hub devices")))
}

async fn allow(args: &Args, hub: &mut Remote, name: &str) -> Result<ExitCode, Failure> {
    let device = named(hub, name).await?;
    let kinds = match args.kinds.as_slice() {
        [] => kinds(&device.waiting_capabilities),
        kinds => kinds.to_vec(),
    };
    if kinds.is_empty() {
        return Err(Failure::Usage(format!("nothing of {name} waits for you")));
    }
    let path = format!("{PATH}/{}/capabilities/approve", device.id);
    let call = Call::post(path, json!({"kinds": kinds})).once();
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    if !hub.is_json() {
        hub.show(wish(&device, &kinds))?;
    }
    let unasked = "nobody is here to be asked: add --yes to allow it";
    if !args.yes && !hub.agreed("Allow it?", unasked)? {
        hub.terminal.remark("Nothing was done; it still waits.");
        return Ok(ExitCode::FAILURE);
    }
    let device: Device = hub.client.call_for(&call).await?;
    let (name, kinds) = (one_line(&device.name), one_line(&kinds.join(", ")));
    hub.tell(&device, format!("{name} is used for {kinds}."))
}

fn kinds(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(|one| one.kind.clone()).collect()
}

/// What the device would be used for; one a line, as nobody reads a long one to its end.
fn wish(device: &Device, kinds: &[String]) -> String {
    let mut lines = vec![format!("{} would be used for", one_line(&device.name))];
    lines.extend(kinds.iter().map(|kind| format!("  {}", one_line(kind))));
    lines.join("\n")
}

/// One device: where it is, whether it is there, what it is used for, and what waits.
fn entry(device: &Device, spaces: &Names, now: DateTime) -> String {
    let mut facts = Vec::new();
    facts.extend(spaces.get(device.space_id.0).map(|space| format!("in {space}")));
    facts.push(match device.last_seen_at {
        _ if device.is_connected => match device.connected_at {
            Some(at) => format!("connected for {}", span(at, now)),
            None => "connected".to_owned(),
        },
        Some(at) => format!("last seen {}", ago(at, now)),
        None => "never connected".to_owned(),
    });
    let name = one_line(&device.name);
    let mut lines = vec![format!("{name}  {}", facts.join(" · "))];
    if !device.capabilities.is_empty() {
        let kinds = one_line(&kinds(&device.capabilities).join(", "));
        lines.push(format!("  used for        {kinds}"));
    }
    if !device.waiting_capabilities.is_empty() {
        let kinds = one_line(&kinds(&device.waiting_capabilities).join(", "));
        lines.push(format!("  waits for you   {kinds}"));
        lines.push(format!("  hub devices --allow {}", remote::quote(&name)));
    }
    lines.join("\n")
}
