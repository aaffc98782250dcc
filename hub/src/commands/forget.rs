//! `hub forget`: has the agent forget something, after showing how much goes with it; and the receipts of what was forgotten.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    remote::{
        self, Call, Failure, MAX_PAGES, MEMORIES, Options, Remote, entries, memories, pick_from, pick_memory,
        short_ids,
    },
    terminal::{ago, one_line, span},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    erasures::{Counts, Erasure},
};

/// Where is what was forgotten.
const ERASURES: &str = "/v1/agents/self/erasures";

/// Have the agent forget something, with all that came of it
///
/// Forgetting a memory also forgets what was said that it came from, and what else came of that: answers, actions, commands. You are shown
/// how much, and asked. It is gone for everybody at once, from the hub's disk within a day, and cannot be brought back. That something
/// was there stays, without what it was.
///
/// Ends with 0 when it is forgotten, with 1 when it is not, with 2 when the hub could not be asked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The memory: the id that `hub recall` shows, or the end of it
    #[arg(value_name = "MEMORY", required_unless_present_any = ["event", "session", "person", "list", "receipt"])]
    memory: Option<String>,

    /// What was said in one event, by the id that `hub recall --why` shows
    #[arg(long, value_name = "ID", conflicts_with_all = ["memory", "session"])]
    event: Option<Uuid>,

    /// Everything that was said in a session, by the id that `hub recall --why` shows
    #[arg(long, value_name = "ID", conflicts_with = "memory")]
    session: Option<Uuid>,

    /// Somebody, with all that they said and all that is theirs alone, by their id in `/v1/agents/self/people`; `self` is you
    #[arg(long, value_name = "ID", conflicts_with_all = ["memory", "event", "session", "list", "receipt"], value_parser = whom)]
    person: Option<String>,

    /// Forget the memory alone, and leave in the log what was said
    #[arg(long, requires = "memory")]
    keep_sources: bool,

    /// Without asking
    #[arg(long)]
    yes: bool,

    /// Show what was forgotten so far
    #[arg(long, conflicts_with_all = ["memory", "event", "session", "receipt"])]
    list: bool,

    /// Print the signed receipt of an erasure, by the id that `--list` shows; `hub audit receipt` checks it
    #[arg(long, value_name = "ID", conflicts_with_all = ["memory", "event", "session"])]
    receipt: Option<String>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub recall spare key
  hub forget 3f9a1c
  hub forget --session 0198f2aa-7c11-7d02-9a3e-5b1f00c0ffee --yes
  hub forget --person self
  hub forget --list
  hub forget --receipt 77ab0e > receipt.txt && hub audit receipt receipt.txt";

#[derive(Deserialize)]
struct Answer {
    erasure: Erasure,
    beside: Vec<Erasure>,
}

impl Answer {
    /// All of it, in words.
    fn said(&self) -> String {
        let beside = self.beside.iter().map(|erasure| erasure.counts);
        said(&beside.fold(self.erasure.counts, Counts::and))
    }

    /// The ends of the receipts' ids.
    fn receipts(&self) -> String {
        let all = std::iter::once(&self.erasure).chain(&self.beside);
        let ids: Vec<Uuid> = all.map(|erasure| erasure.id.0).collect();
        short_ids(&ids).join(", ")
    }
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("forget", &args.options, async |hub| forget(&args, hub).await).await
}

pub(super) async fn forget(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    if args.list {
        return list(hub).await;
    }
    if let Some(typed) = &args.receipt {
        return receipt(hub, typed).await;
    }
    let (path, body) = target(args, hub).await?;
    let call = Call::post(format!("{path}/forget"), body.clone()).once();
    if hub.is_curl() {
        return hub.show_curl(&call);
    }
    if !args.yes {
        let mut dry = body;
        dry["dry_run"] = json!(true);
        let dry = Call::post(format!("{path}/forget"), dry);
        let would: Answer = hub.client.call_for(&dry).await?;
        hub.terminal.remark(format!("This forgets {}.", would.said()));
        if !hub.agreed("Forget it for good?", "nobody is here to be asked: add --yes")? {
            hub.terminal.remark("Nothing was forgotten.");
            return Ok(ExitCode::FAILURE);
        }
    }
    let Some(done) = hub.ask::<Answer>(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    hub.show(format!(
        "Forgotten: {}.\nIt is off the hub's disk by {}; the receipt: hub forget --receipt {}",
        done.said(),
        done.erasure
            .scrub_by
            .with_timezone(&chrono::Local)
            .format("%F %H:%M"),
        done.receipts()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be forgotten: its path, and what is said of it.
async fn target(args: &Args, hub: &Remote) -> Result<(String, Value), Failure> {
    if let Some(id) = args.event {
        return Ok((format!("/v1/agents/self/events/{id}"), json!({})));
    }
    if let Some(id) = args.session {
        return Ok((format!("/v1/agents/self/sessions/{id}"), json!({})));
    }
    if let Some(id) = &args.person {
        return Ok((format!("/v1/agents/self/people/{id}"), json!({})));
    }
    let typed = args.memory.as_deref().unwrap_or_default();
    let id = match typed.parse::<Uuid>() {
        Ok(id) => id,
        Err(_) => pick_memory(&memories(&hub.client).await?, typed)?.id.0,
    };
    let body = json!({"keep_sources": args.keep_sources});
    Ok((format!("{MEMORIES}/{id}"), body))
}

/// An id, or oneself.
fn whom(text: &str) -> Result<String, String> {
    if text == "self" || text.parse::<Uuid>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("must be an id, or self".to_owned())
}

async fn list(hub: &mut Remote) -> Result<ExitCode, Failure> {
    let Some(all) = hub.list(&Call::list(ERASURES), MAX_PAGES).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let now = SystemClock.now();
    let id = |erasure: &Erasure| erasure.id.0;
    let entries = entries(&all.items, id, |erasure, id| entry(erasure, id, now));
    hub.show_list(&entries, "Nothing was forgotten yet.")
}

async fn receipt(hub: &mut Remote, typed: &str) -> Result<ExitCode, Failure> {
    let id = if let Ok(id) = typed.parse::<Uuid>() {
        id
    } else {
        let all = hub.client.pages(&Call::list(ERASURES), MAX_PAGES).await?;
        let id = |erasure: &Erasure| erasure.id.0;
        pick_from(&all.items, id, typed, "see them: hub forget --list")?
            .id
            .0
    };
    let call = Call::get(format!("{ERASURES}/{id}"));
    let Some(answer) = hub.ask::<Value>(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    // Ends with a line of its own, which showing adds.
    hub.show(answer["receipt"].as_str().unwrap_or_default().trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// One erasure: what, when, and whether it is off the disk.
fn entry(erasure: &Erasure, id: &str, now: DateTime) -> String {
    let disk = match erasure.scrubbed_at {
        Some(_) => "off the disk".to_owned(),
        None if erasure.scrub_by < now => "overdue to be off the disk: see hub doctor".to_owned(),
        None => format!("off the disk within {}", span(now, erasure.scrub_by)),
    };
    format!(
        "{id}  a {}, {} · {disk}\n        {}",
        one_line(&erasure.target_kind),
        ago(erasure.erased_at, now),
        said(&erasure.counts)
    )
}

/// How much, in words.
pub(super) fn said(counts: &Counts) -> String {
    let named = [
        (counts.people, "person", "people"),
        (counts.memories, "memory", "memories"),
        (counts.events, "thing said", "things said"),
        (counts.actions, "action", "actions"),
        (counts.commands, "command", "commands"),
        (counts.artifacts, "file", "files"),
        (counts.shadows, "device's state", "devices' states"),
        (counts.prints, "print", "prints"),
        (counts.sightings, "sighting", "sightings"),
    ];
    let some: Vec<String> = named
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, more)| format!("{count} {}", if count == 1 { one } else { more }))
        .collect();
    if some.is_empty() {
        "nothing that is still there".to_owned()
    } else {
        some.join(", ")
    }
}
