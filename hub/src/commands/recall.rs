//! `hub recall`: what the agent remembers, and why it thinks that this is what was meant.

use std::process::ExitCode;

use chrono::Local;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    remote::{self, Call, Failure, Names, Options, Remote, short_ids},
    terminal::{ago, one_line},
};
use crate::{
    clock::{Clock, DateTime, SystemClock},
    memory::{
        MemorySource,
        ask::LaneState,
        recall::{MAX_RESULTS, Recalled, Why},
    },
};

/// Ask what the agent remembers, without having it think
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to look for, in plain words
    #[arg(required = true, value_name = "QUESTION")]
    question: Vec<String>,

    /// Memories at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_RESULTS)))]
    limit: u32,

    /// Show why each was found, and where it came from
    #[arg(long)]
    why: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "Examples:
  hub recall spare key
  hub recall 'where is the spare key?' --why --limit 3

The id at the end of each is what `hub forget` takes.";

#[derive(Deserialize)]
struct Answer {
    items: Vec<Recalled>,
    /// A hub of before knows one lane.
    lanes: Option<Lanes>,
}

#[derive(Deserialize)]
struct Lanes {
    vector: LaneState,
}

/// Runs the command and returns the code to exit with.
pub async fn run(args: Args) -> ExitCode {
    remote::run("recall", &args.options, async |hub| recall(&args, hub).await).await
}

pub(super) async fn recall(args: &Args, hub: &mut Remote) -> Result<ExitCode, Failure> {
    let body = json!({"question": args.question.join(" "), "limit": args.limit});
    let call = Call::post("/v1/agents/self/recall", body);
    let Some(Answer { items: found, lanes }) = hub.ask(&call).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let note = lanes.and_then(|lanes| note(lanes.vector, args.why));
    if found.is_empty() {
        let nothing = "Nothing is remembered about that.";
        hub.show(note.map_or_else(|| nothing.to_owned(), |note| format!("{nothing}\n{note}")))?;
        return Ok(ExitCode::SUCCESS);
    }
    let spaces = Names::of_spaces(&hub.client).await?;
    let devices = if args.why {
        Names::of_devices(&hub.client).await?
    } else {
        Names::default()
    };
    let now = SystemClock.now();
    let ids: Vec<Uuid> = found.iter().map(|found| found.memory.id.0).collect();
    let ids = short_ids(&ids);
    let entries = (1..).zip(&found).zip(&ids).map(|((rank, found), id)| {
        let mut text = entry(rank, found, id, &spaces, now);
        if args.why {
            text += &why(found, &devices);
        }
        text
    });
    let separator = if args.why { "\n\n" } else { "\n" };
    let mut entries: Vec<String> = entries.collect();
    entries.extend(note.map(str::to_owned));
    hub.show(entries.join(separator))?;
    Ok(ExitCode::SUCCESS)
}

/// What to say of how it was looked for.
const fn note(vector: LaneState, is_why: bool) -> Option<&'static str> {
    match vector {
        LaneState::Away => Some(
            "(Found by words only: the embedding model is away, so what was said in other words is missing.)",
        ),
        LaneState::Off if is_why => Some("(Found by words: no embedding model is configured.)"),
        LaneState::Off | LaneState::On => None,
    }
}

/// One memory and where it belongs.
fn entry(rank: usize, found: &Recalled, id: &str, names: &Names, now: DateTime) -> String {
    let memory = &found.memory;
    let mut facts = vec![memory.tier.as_str().to_owned()];
    facts.extend(names.get(memory.space_id.0).map(str::to_owned));
    facts.push(ago(memory.created_at, now));
    if memory.audience_person_id.is_some() {
        facts.push("private".to_owned());
    }
    if memory.valid_until.is_some_and(|until| until <= now) {
        facts.push("no longer valid".to_owned());
    }
    facts.push(id.to_owned());
    format!(
        "{rank:>2}  {}\n    {}",
        one_line(&memory.content),
        facts.join(" · ")
    )
}

/// Ranks, matched words and sources of a memory.
fn why(found: &Recalled, devices: &Names) -> String {
    let Why {
        words,
        vector,
        recency,
        importance,
        tier,
        sources,
    } = &found.why;
    let mut lines = Vec::new();
    if let Some(words) = words {
        let (rank, matched, asked) = (words.rank, words.matched.len(), words.asked);
        let list = one_line(&words.matched.join(", "));
        lines.push(format!(
            "words: rank {rank}, {matched} of {asked} matched ({list}), score {:.4}",
            words.score
        ));
    }
    if let Some(vector) = vector {
        lines.push(format!(
            "vector: rank {}, cosine {:.3} by {}",
            vector.rank,
            vector.score,
            one_line(&vector.model)
        ));
    }
    lines.push(format!(
        "score {:.4}; added by recency {recency:.4}, importance {importance:.4}, tier {tier:.4}",
        found.score
    ));
    let (trust, confidence) = (found.memory.trust, found.memory.confidence);
    lines.push(format!("trust {}, confidence {confidence:.2}", trust.as_str()));
    lines.extend(sources.iter().map(|from| source(from, devices)));
    lines.extend(found.memory.session_id.map(|id| format!("in session {id}")));
    let indented = lines.iter().map(|line| format!("\n      {line}"));
    indented.collect()
}

fn source(source: &MemorySource, devices: &Names) -> String {
    let at = source.recorded_at.with_timezone(&Local).format("%Y-%m-%d %H:%M");
    let excerpt = source
        .excerpt
        .as_deref()
        .map_or("(erased)".to_owned(), |text| format!("“{}”", one_line(text)));
    let through = source.device_id.map_or(String::new(), |id| {
        let name = devices.get(id.0).map_or_else(|| id.to_string(), str::to_owned);
        format!(" through the device {name}")
    });
    format!(
        "from {} of {at}{through}: {excerpt}\n        event {}",
        source.event_type, source.event_id
    )
}
