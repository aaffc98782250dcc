//! `hub resolve`: says what became of an action that may or may not have happened.

use std::process::ExitCode;

use serde_json::json;

use super::{
    approve::{decided, follow},
    remote::{self, Failure, Options, Remote, decide, find},
};
use crate::actions::ActionState;

/// Say what became of an action that may or may not have happened
///
/// The hub never repeats by itself what it may have done already: it asks.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What became of it
    outcome: Outcome,

    /// Which action: the id that `hub inbox` shows, or the beginning of it [default: the only one]
    id: Option<String>,

    /// How you know, for the record
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,

    /// After `retry`, do not wait for the result
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    options: Options,
}

/// What became of it.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Outcome {
    /// It happened
    Done,
    /// It did not happen
    NotDone,
    /// Do it again, though it may have happened
    Retry,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not_done",
            Self::Retry => "retry",
        }
    }
}

const EXAMPLES: &str = "Examples:
  hub resolve done
  hub resolve not-done 77ab0e --reason 'the office heard nothing'
  hub resolve retry 77ab0e";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("resolve", &args.options, async |hub| resolve(&args, hub).await).await
}

pub(super) async fn resolve(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let action = find(&hub.client, args.id.as_deref(), ActionState::Unknown).await?;
    let body = json!({"resolution": args.outcome.as_str()});
    let call = decide(&action, "resolve", body, args.reason.as_deref());
    let Some(resolved) = decided(hub, &action, &call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    if matches!(args.outcome, Outcome::Retry) {
        return follow(hub, resolved, args.no_wait).await;
    }
    hub.tell(&resolved, format!("Noted: {}.", resolved.state.as_str()))
}
