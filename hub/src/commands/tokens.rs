//! `hub tokens`: what you gave to programs: made, shown and revoked.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use super::{
    remote::{self, Call, Failure, MAX_PAGES, Options, Remote, entries, pick_from},
    terminal::{one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    identity::PersonalToken,
    page::Page,
};

/// Where they are.
const PATH: &str = "/v1/agents/self/tokens";

/// Show your personal access tokens, make one for a program, or revoke one
///
/// Whoever owns the agent sees and revokes everybody's.
///
/// A token may do what is in its scopes, as far as you may yourself when it is used, until it ends. A program sends it as `Authorization: Bearer …`;
/// hub's own commands take it from `HUB_TOKEN`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Make a token, and print it this once; the name says what it is for
    #[arg(long, value_name = "NAME", requires = "scopes")]
    create: Option<String>,

    /// What the new token may do, such as `memories:read` or `messages:write`; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", requires = "create")]
    scopes: Vec<String>,

    /// Days that the new token lives, up to 366
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,

    /// Revoke the token of this id; its last digits do
    #[arg(long, value_name = "ID", conflicts_with = "create")]
    revoke: Option<String>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = r#"Examples:
  hub tokens
  hub tokens --create "backup script" --scope memories:read --scope events:read --days 30
  HUB_TOKEN=hubt_… hub recall "the spare key"
  hub tokens --revoke 3f9a1c"#;

#[derive(Deserialize)]
struct Created {
    token: PersonalToken,
    secret: Option<String>,
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("tokens", &args.options, async |hub| tokens(&args, hub).await).await
}

pub(super) async fn tokens(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    match (&args.create, &args.revoke) {
        (Some(name), _) => create(args, hub, name).await,
        (None, Some(id)) => revoke(hub, id).await,
        (None, None) => list(hub).await,
    }
}

async fn create(args: &Args, hub: &mut Remote, name: &str) -> Result<ExitCode, Failure> {
    let life_s = args.days * 86_400;
    let body = json!({"name": name, "scopes": args.scopes, "expires_in_s": life_s});
    let call = Call::post(PATH, body).once();
    let Some(Created { token, secret }) = hub.ask(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    // The token alone on standard output: TOKEN=$(hub tokens --create …).
    hub.show(secret.unwrap_or_default())?;
    let ends = token.expires_at.format("%Y-%m-%d");
    hub.terminal.remark(format!(
        "Keep it now: it is not shown again. It is good until {ends}."
    ));
    Ok(ExitCode::SUCCESS)
}

async fn list(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list(&Call::list(PATH), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let now = SystemClock.now();
    let live = live(all, now);
    let entries = entries(&live, |token| token.id.0, |token, id| entry(token, id, now));
    hub.show_list(&entries, "There are no tokens.")
}

async fn revoke(hub: &mut Remote, typed: &str) -> Result<ExitCode, Failure> {
    let all = hub.client.pages(&Call::list(PATH), MAX_PAGES).await?;
    let live = live(all, SystemClock.now());
    let token = pick_from(&live, |token| token.id.0, typed, "see the tokens: hub tokens")?;
    let call = Call::delete(format!("{PATH}/{}", token.id));
    let done = format!("{} is revoked.", one_line(&token.name));
    hub.send(&call, &done).await
}

fn live(all: Page<PersonalToken>, now: DateTime) -> Vec<PersonalToken> {
    let mut live = all.items;
    live.retain(|token| token.revoked_at.is_none() && token.expires_at > now);
    live
}

/// One token: what it is for, how long, and what it may do.
fn entry(token: &PersonalToken, id: &str, now: DateTime) -> String {
    let (name, left) = (one_line(&token.name), span(now, token.expires_at));
    format!("{id}  {name}  ends in {left}\n        {}", token.scopes.join(" "))
}
