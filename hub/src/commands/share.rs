//! `hub share`: gives a memory that is one's own to the household.

use std::process::ExitCode;

use uuid::Uuid;

use super::{
    remote::{self, Call, Failure, MEMORIES, Options, Remote, memories, pick_memory},
    terminal::one_line,
};

/// Share a memory that is yours alone with the household
///
/// Everybody who lives here finds it from then on, and so does the agent when it talks with them. What you said that it came from stays
/// yours. It is not taken back, but by forgetting it: hub forget.
///
/// Ends with 0 when it is shared, with 1 when it is not, with 2 when the hub could not be asked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The memory: the id that `hub recall` shows, or the end of it
    #[arg(value_name = "MEMORY")]
    memory: String,

    /// Without asking
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub recall spare key
  hub share 3f9a1c";

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("share", &args.options, async |hub| share(&args, hub).await).await
}

pub(super) async fn share(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let all = memories(&hub.client).await?;
    let id = match args.memory.parse::<Uuid>() {
        Ok(id) => id,
        Err(_) => pick_memory(&all, &args.memory)?.id.0,
    };
    let memory = all.iter().find(|memory| memory.id.0 == id);
    let call = Call::bare_post(format!("{MEMORIES}/{id}/share")).once();
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    if memory.is_some_and(|memory| memory.audience_person_id.is_none()) {
        hub.show("It is the household's already.")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
        if let Some(memory) = memory {
            hub.terminal.remark(format!("“{}”", one_line(&memory.content)));
        }
        let question = "Share it with the household?";
        if !hub.agreed(question, "nobody is here to be asked: add --yes")? {
            hub.terminal.remark("Nothing was shared.");
            return Ok(ExitCode::FAILURE);
        }
    }
    let done = "It is the household's now. What you said that it came from stays yours.";
    hub.send(&call, done).await
}
