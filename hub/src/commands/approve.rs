//! `hub approve`: lets the agent do what it proposed, and tells what came of it.

use std::process::ExitCode;

use super::{
    remote::{self, Call, Failure, Names, Options, Remote, arguments, bound, decide, ending, find, settled},
    terminal::one_line,
};
use crate::actions::{Action, ActionState};

/// Let the agent do what it proposed, and wait a moment for the result
///
/// Approves exactly the arguments that are shown: if the action changes in between, the hub refuses. Ends with 0 when it
/// was done or goes on, with 1 when the hub refused or it was not done, with 2 when the hub could not be asked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Which action: the id that `hub inbox` shows, or the beginning of it [default: the only one]
    id: Option<String>,

    /// Why, for the record
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,

    /// Do not wait for the result
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub approve
  hub approve 3f9a1c --reason 'dinner is ready indeed'
  hub approve 3f9a1c --curl";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("approve", &args.options, async |hub| approve(&args, hub).await).await
}

pub(super) async fn approve(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let action = find(&hub.client, args.id.as_deref(), ActionState::Proposed).await?;
    let call = decide(&action, "approve", bound(&action), args.reason.as_deref());
    let Some(approved) = decided(hub, &action, &call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    follow(hub, approved, args.no_wait).await
}

/// Shows what is decided about, and decides; none where the request was shown instead.
pub(super) async fn decided(
    hub: &mut Remote,
    action: &Action,
    decision: &Call,
) -> Result<Option<Action>, Failure> {
    if hub.is_curl() {
        hub.show_curl(decision)?;
        return Ok(None);
    }
    if !hub.is_json() {
        hub.show(about(action, hub).await?)?;
    }
    hub.client.call_for(decision).await.map(Some)
}

/// Waits for what comes of a decision, and tells it.
pub(super) async fn follow(hub: &mut Remote, decided: Action, no_wait: bool) -> Result<ExitCode, Failure> {
    if no_wait {
        return tell(hub, &decided);
    }
    let settled = settled(&hub.client, decided).await;
    let action = settled.inspect_err(|_| {
        let remark = "The decision was taken; what came of it could not be read. Look later: hub inbox --all";
        hub.terminal.remark(remark);
    })?;
    tell(hub, &action)
}

async fn about(action: &Action, hub: &Remote) -> Result<String, Failure> {
    let names = Names::of_devices(&hub.client).await?;
    Ok(format!(
        "{}\n  {} · {}",
        one_line(&action.summary),
        action.tool,
        arguments(&action.arguments, &names)
    ))
}

/// What became of it.
pub(super) fn tell(hub: &mut Remote, action: &Action) -> Result<ExitCode, Failure> {
    let ending = ending(action);
    hub.tell(action, &ending.text)?;
    Ok(ending.exit_code())
}
