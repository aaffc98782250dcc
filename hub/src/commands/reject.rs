//! `hub reject`: tells the agent not to do what it proposed.

use std::process::ExitCode;

use super::{
    approve::{decided, tell},
    remote::{self, Failure, Options, Remote, bound, decide, find},
};
use crate::actions::ActionState;

/// Tell the agent not to do what it proposed
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Which action: the id that `hub inbox` shows, or the beginning of it [default: the only one]
    id: Option<String>,

    /// Why, for the record
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub reject
  hub reject 3f9a1c --reason 'not that loud'";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("reject", &args.options, async |hub| reject(&args, hub).await).await
}

pub(super) async fn reject(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let action = find(&hub.client, args.id.as_deref(), ActionState::Proposed).await?;
    let call = decide(&action, "reject", bound(&action), args.reason.as_deref());
    match decided(hub, &action, &call).await? {
        Some(rejected) => tell(hub, &rejected),
        None => Ok(ExitCode::SUCCESS),
    }
}
