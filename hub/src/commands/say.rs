//! `hub say`: tells the agent something, in private, and prints what it answers.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    remote::{self, Call, Failure, Options, Remote, in_state, short_ids},
    terminal::one_line,
};
use crate::{
    actions::{Action, ActionState},
    ids::TurnId,
    page::{MAX_LIMIT, Page},
    turns::{Block, Turn, TurnState, plain_text},
};

/// An agent that takes longer is thinking, and the person is told.
const FIRST_WAIT: Duration = Duration::from_secs(3);
/// How long the hub is asked to wait at a time; it waits 30 s at most.
const EACH_WAIT: Duration = Duration::from_secs(20);
/// Keeps a hub that answers at once from being asked all the time.
const PAUSE: Duration = Duration::from_millis(250);
/// No answer in time.
const NO_ANSWER: u8 = 2;

/// Tell the agent something, and print what it answers
///
/// Ends with 0 when the agent answered, with 1 when the message was refused or not answered on purpose, with 2 when the
/// hub could not be asked or no answer came in time. A message that the hub has taken is not lost: the answer comes later.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to say
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,

    /// How long to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=86_400))]
    wait: u64,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub say remember that the spare key is with Nora
  hub say 'what do you remember about the spare key?'
  hub say 'tell the office that dinner is ready' --curl";

/// What became of the message.
#[derive(Debug, Deserialize)]
struct Receipt {
    outcome: Outcome,
    turn_id: Option<TurnId>,
    reason: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Accepted,
    Duplicate,
    Discarded,
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("say", &args.options, async |hub| say(&args, hub).await).await
}

pub(super) async fn say(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let content = [Block::text(args.text.join(" "))];
    let call = Call::post("/v1/agents/self/messages", json!({"content": content})).once();
    if hub.is_curl() {
        hub.terminal.remark(
            "# the answer names a turn, which has the reply: GET /v1/agents/self/turns/TURN_ID?wait_s=20",
        );
        return hub.show_curl(&call);
    }
    let answer = hub.client.call(&call).await?;
    let receipt: Receipt = hub.client.read(&answer)?;
    let Some(turn) = receipt.turn_id.filter(|_| receipt.outcome != Outcome::Discarded) else {
        return tell_receipt(hub, &receipt, &answer);
    };
    let (turn, answer) = wait(hub, turn, Duration::from_secs(args.wait))
        .await
        .inspect_err(|_| {
            hub.terminal
                .remark("The hub has your message; its answer could not be read.");
        })?;
    if hub.is_json() {
        hub.show_json(&answer)?;
    } else {
        tell_turn(hub, &turn).await?;
    }
    Ok(exit_code(turn.state))
}

async fn wait(hub: &mut Remote, id: TurnId, most: Duration) -> Result<(Turn, Value), Failure> {
    let began = Instant::now();
    let mut each = FIRST_WAIT;
    loop {
        let each_now = each.min(most.saturating_sub(began.elapsed()));
        let call = Call::get(format!("/v1/agents/self/turns/{id}"))
            .query("wait_s", &each_now.as_secs())
            .after(each_now);
        let answer = hub.client.call(&call).await?;
        let turn: Turn = hub.client.read(&answer)?;
        if turn.state.is_final() || began.elapsed() + PAUSE >= most {
            return Ok((turn, answer));
        }
        if each == FIRST_WAIT {
            hub.terminal.remark(match &turn.waiting_for {
                Some(what) => format!(
                    "… waiting for {} (Ctrl-C leaves; nothing is lost)",
                    one_line(what)
                ),
                None => "… the agent is thinking (Ctrl-C leaves; nothing is lost)".to_owned(),
            });
        }
        each = EACH_WAIT;
        tokio::time::sleep(PAUSE).await;
    }
}

fn tell_receipt(hub: &mut Remote, receipt: &Receipt, answer: &Value) -> Result<ExitCode, Failure> {
    let is_kept = receipt.outcome != Outcome::Discarded;
    if hub.is_json() {
        hub.show_json(answer)?;
    } else if is_kept {
        hub.show("The hub has your message; it needs no answer.")?;
    } else {
        let why = receipt.reason.as_deref().unwrap_or("no reason given");
        hub.show(format!("The hub did not keep your message: {}", one_line(why)))?;
    }
    Ok(if is_kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn tell_turn(hub: &mut Remote, turn: &Turn) -> Result<(), Failure> {
    let why = || {
        turn.reason
            .as_deref()
            .map_or(String::new(), |why| format!(": {}", one_line(why)))
    };
    match (turn.state, &turn.reply) {
        (TurnState::Planned, Some(reply)) => hub.show(plain_text(reply))?,
        (TurnState::Planned, None) => hub.show("(The agent took note and says nothing.)")?,
        (TurnState::Skipped, _) => hub.show(format!("(The agent does not answer{}.)", why()))?,
        (TurnState::Dead, _) => hub.show(format!("(The agent could not answer{}.)", why()))?,
        (TurnState::Queued | TurnState::Running | TurnState::Waiting, _) => {
            let id = turn.id;
            hub.terminal.remark(format!(
                "No answer yet; the hub has your message and goes on with it (turn {id})."
            ));
        }
    }
    tell_proposals(hub, turn.id).await
}

/// What the turn proposed, which waits for the person.
async fn tell_proposals(hub: &mut Remote, turn: TurnId) -> Result<(), Failure> {
    let call = in_state(Some(ActionState::Proposed), MAX_LIMIT);
    let page: Result<Page<Action>, Failure> = match hub.client.call(&call).await {
        // A guest may talk and not see actions; the reply has been shown.
        Err(Failure::Refused(_)) => return Ok(()),
        answer => answer.and_then(|answer| hub.client.read(&answer)),
    };
    let open = page?.items;
    let ids: Vec<_> = open.iter().map(|action| action.id.0).collect();
    let of_turn: Vec<String> = open
        .iter()
        .zip(short_ids(&ids))
        .filter(|(action, _)| action.turn_id == Some(turn))
        .map(|(action, id)| format!("  {id}  {}", one_line(&action.summary)))
        .collect();
    if !of_turn.is_empty() {
        let list = of_turn.join("\n");
        hub.show(format!("\nProposed, and waiting for you (hub inbox):\n{list}"))?;
    }
    Ok(())
}

fn exit_code(state: TurnState) -> ExitCode {
    match state {
        TurnState::Planned => ExitCode::SUCCESS,
        TurnState::Skipped | TurnState::Dead => ExitCode::FAILURE,
        TurnState::Queued | TurnState::Running | TurnState::Waiting => ExitCode::from(NO_ANSWER),
    }
}
