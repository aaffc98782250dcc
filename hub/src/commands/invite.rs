//! `hub invite`: lets somebody in with a one-time code, and shows and revokes those that are open.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use super::{
    remote::{self, Call, Failure, MAX_PAGES, Options, Remote, entries, pick_from, quote},
    terminal::{one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    config,
    identity::{Invitation, Role},
    page::Page,
};

/// Where they are.
const PATH: &str = "/v1/agents/self/invitations";

/// Invite somebody into the household, with a code that is good once
///
/// An admin invites members and guests; the owner admins, too. A guest may talk with the agent, which tells them nothing of the
/// household's, and forget what is theirs; a member sees what the household sees, and approves what the agent wants to do; an admin runs devices, spaces and members.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What the agent will call them [default: their login name]
    name: Option<String>,

    /// What they become: guest, member or admin
    #[arg(long, value_name = "ROLE", default_value = "member", value_parser = role)]
    role: Role,

    /// Days that the code is good, up to 14
    #[arg(long, value_name = "DAYS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=14))]
    days: u32,

    /// Show the invitations that are open
    #[arg(long, conflicts_with_all = ["name", "revoke"])]
    list: bool,

    /// Revoke the invitation of this id; its last digits do
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    revoke: Option<String>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub invite Bob
  hub invite --role guest --days 1
  hub invite --list
  hub invite --revoke 3f9a1c";

#[derive(Deserialize)]
struct Created {
    invitation: Invitation,
    code: Option<String>,
}

/// Reads a role as people type it.
pub(super) fn role(text: &str) -> Result<Role, String> {
    Role::parse(&text.to_lowercase()).ok_or_else(|| "must be guest, member or admin".to_owned())
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("invite", &args.options, async |hub| invite(&args, hub).await).await
}

pub(super) async fn invite(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    match &args.revoke {
        Some(id) => revoke(hub, id).await,
        None if args.list => list(hub).await,
        None => create(args, hub).await,
    }
}

async fn create(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let mut body = json!({"role": args.role, "expires_in_s": args.days * 86_400});
    if let Some(name) = &args.name {
        body["name"] = json!(name);
    }
    let call = Call::post(PATH, body).once();
    let Some(Created { invitation, code }) = hub.ask(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let code = code.unwrap_or_default();
    // The code alone on standard output: CODE=$(hub invite Bob).
    hub.show(&code)?;
    let told = told(hub, &invitation, &code);
    hub.terminal.remark(told);
    Ok(ExitCode::SUCCESS)
}

/// What to tell the one who is invited.
fn told(hub: &Remote, invitation: &Invitation, code: &str) -> String {
    let who = invitation
        .name
        .as_deref()
        .map_or_else(|| "Whoever you give it to".to_owned(), one_line);
    let base = hub.client.base();
    let (program, role) = (config::program(), invitation.role.as_str());
    let mut text = format!(
        "{who} joins as {role} with it, once and until {}, by typing:\n  {} join {code} --url {base}",
        invitation.expires_at.format("%Y-%m-%d %H:%M UTC"),
        quote(&program),
    );
    if hub.client.ca_file().is_some() {
        text.push_str(" --ca-file FILE");
        text.push_str("\nwhere FILE is the certificate of your authority, as you signed in with.");
    }
    if base.is_this_machine() {
        text.push_str("\nThat is for this machine; elsewhere give the address that the hub has there.");
    }
    text
}

async fn list(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list(&Call::list(PATH), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let now = SystemClock.now();
    let open = open(all, now);
    let id = |invitation: &Invitation| invitation.id.0;
    let entries = entries(&open, id, |invitation, id| entry(invitation, id, now));
    hub.show_list(&entries, "No invitation is open.")
}

async fn revoke(hub: &mut Remote, typed: &str) -> Result<ExitCode, Failure> {
    let all = hub.client.pages(&Call::list(PATH), MAX_PAGES).await?;
    let open = open(all, SystemClock.now());
    let id = |invitation: &Invitation| invitation.id.0;
    let invitation = pick_from(&open, id, typed, "see the invitations: hub invite --list")?;
    let call = Call::delete(format!("{PATH}/{}", invitation.id));
    hub.send(&call, "Nobody comes in with it any more.").await
}

fn open(all: Page<Invitation>, now: DateTime) -> Vec<Invitation> {
    let mut open = all.items;
    open.retain(|invitation| invitation.is_open(now));
    open
}

fn entry(invitation: &Invitation, id: &str, now: DateTime) -> String {
    let name = invitation
        .name
        .as_deref()
        .map_or_else(|| "somebody".to_owned(), one_line);
    let (role, left) = (invitation.role.as_str(), span(now, invitation.expires_at));
    format!("{id}  {name}  as {role} · ends in {left}")
}
