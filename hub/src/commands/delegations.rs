//! `hub delegations`: who may act for the agent: let, shown and stopped.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use super::{
    remote::{self, Call, Failure, MAX_PAGES, Names, Options, Remote, entries, pick_from},
    terminal::{one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    delegations::Delegation,
    ids::AgentId,
    page::Page,
};

/// Where they are.
const PATH: &str = "/v1/agents/self/delegations";

/// Show who may act for the agent, let another agent or a service do so, or stop it
///
/// A delegate does what the scopes say, sees what the household sees and nobody's private things, and is believed least. A service
/// sends what is printed as `Authorization: Bearer …`. Whoever acts for another agent sends it as `Hub-Delegation: …`, beside a
/// credential of their own there; for anybody else it is worth nothing. Each use is in the audit log of both agents.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Let a service act, by a name of your own, and print its secret this once
    #[arg(long, value_name = "NAME", requires = "scopes")]
    to_service: Option<String>,

    /// Let another agent act, and print the secret this once
    #[arg(long, value_name = "ID", requires = "scopes", conflicts_with = "to_service")]
    to_agent: Option<uuid::Uuid>,

    /// What it may do, such as `memories:read` or `messages:write`; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// Limit it to this space, by name: of all others it sees nothing; may be repeated
    #[arg(long = "space", value_name = "NAME")]
    spaces: Vec<String>,

    /// Days until it ends, up to 90
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,

    /// Requests that may be made with it
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    uses: Option<u32>,

    /// How often it may make the agent think
    #[arg(long, value_name = "COUNT")]
    turns: Option<u32>,

    /// Stop the one of this id, and all that were made by it; its last digits do
    #[arg(long, value_name = "ID", conflicts_with_all = ["to_service", "to_agent"])]
    revoke: Option<String>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = r"Examples:
  hub delegations
  hub delegations --to-service calendar-sync --scope memories:read --scope messages:write --scope turns:read --days 7 --turns 100
  hub delegations --to-agent 0198aaaa-0000-7000-8000-0000003f9a1c --scope memories:read --uses 1000
  hub delegations --revoke 3f9a1c";

#[derive(Deserialize)]
struct Created {
    delegation: Delegation,
    secret: Option<String>,
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("delegations", &args.options, async |hub| {
        delegations(&args, hub).await
    })
    .await
}

async fn delegations(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let is_to_somebody = args.to_service.is_some() || args.to_agent.is_some();
    match &args.revoke {
        Some(id) => revoke(hub, id).await,
        None if is_to_somebody => create(args, hub).await,
        None => list(hub).await,
    }
}

async fn create(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let mut spaces = Vec::with_capacity(args.spaces.len());
    if !args.spaces.is_empty() {
        let names = Names::of_spaces(&hub.client).await?;
        for name in &args.spaces {
            spaces.push(names.space(name)?);
        }
    }
    let space_ids = (!spaces.is_empty()).then_some(spaces);
    let body = json!({"to_service": args.to_service, "to_agent_id": args.to_agent.map(AgentId), "scopes": args.scopes,
        "space_ids": space_ids, "expires_in_s": args.days * 86_400, "max_uses": args.uses, "max_turns": args.turns});
    let call = Call::post(PATH, body).once();
    let Some(Created { delegation, secret }) = hub.ask(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    // The secret alone on standard output: SECRET=$(hub delegations --to-service …).
    hub.show(secret.unwrap_or_default())?;
    let ends = delegation.expires_at.format("%Y-%m-%d");
    let how = match delegation.to_agent_id {
        Some(_) => "Somebody of that agent sends it as Hub-Delegation, beside their own credential",
        None => "The service sends it as Authorization: Bearer",
    };
    hub.terminal.remark(format!(
        "Keep it now: it is not shown again. {how}. It is good until {ends}."
    ));
    Ok(ExitCode::SUCCESS)
}

async fn list(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list(&Call::list(PATH), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let now = SystemClock.now();
    let live = live(all, now);
    let entries = entries(&live, |one| one.id.0, |one, id| entry(one, id, now));
    hub.show_list(&entries, "Nobody acts for the agent.")
}

async fn revoke(hub: &mut Remote, typed: &str) -> Result<ExitCode, Failure> {
    let all = hub.client.pages(&Call::list(PATH), MAX_PAGES).await?;
    let live = live(all, SystemClock.now());
    let found = pick_from(&live, |one| one.id.0, typed, "see who may act: hub delegations")?;
    let call = Call::delete(format!("{PATH}/{}", found.id));
    let done = format!("{} may act no more, nor may anybody by it.", to(found));
    hub.send(&call, &done).await
}

fn live(all: Page<Delegation>, now: DateTime) -> Vec<Delegation> {
    let mut live = all.items;
    live.retain(|one| one.revoked_at.is_none() && one.expires_at > now);
    live
}

fn to(one: &Delegation) -> String {
    match (&one.to_service, one.to_agent_id) {
        (Some(name), _) => one_line(name),
        (None, Some(agent)) => format!("agent {agent}"),
        (None, None) => "somebody".to_owned(),
    }
}

/// One delegation: to whom, how long, how much of it was used, and what it may do.
fn entry(one: &Delegation, id: &str, now: DateTime) -> String {
    let (to, left) = (to(one), span(now, one.expires_at));
    let passed_on = if one.parent_id.is_some() {
        " · passed on"
    } else {
        ""
    };
    let of = |most: Option<i64>| most.map_or_else(String::new, |most| format!(" of {most}"));
    format!(
        "{id}  {to}  ends in {left}{passed_on}\n        {}\n        {}{} uses, {}{} turns",
        one.scopes.join(" "),
        one.uses,
        of(one.max_uses),
        one.turns,
        of(one.max_turns),
    )
}
