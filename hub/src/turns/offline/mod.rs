//! The offline runtime: plain rules in English, for when no model is configured. It
//!
//! - keeps an episodic memory of what was said (not of questions to its memory);
//! - stores what it is told: *remember that …*, *don't forget that …*;
//! - answers *what do you remember about …*, *what do you know about …*;
//! - turns *tell the office that …* and *show in the kitchen that …* into the proposal of a command for a device there that
//!   can do it;
//! - answers anything else only when a user wrote it: a speaker that comments on what it overhears is of no use.

mod understand;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::understand::{Meaning, Way, understand};
use super::{
    Block,
    context::{Input, TurnContext},
    runtime::{AgentRuntime, Basis, RuntimeError, Sink, Thought},
};
use crate::{
    actions::propose::ActionProposal,
    devices::Device,
    memory::{Tier, commit::MemoryProposal, recall::Recalled, rules::commits_by_itself},
    storage::AgentBrief,
};

/// Memories named in an answer at most.
const MOST_NAMED: usize = 5;
/// The share of the question's words that a memory must hold to be named.
const NEAR: f32 = 0.5;
/// The cosine of question and memory from which it is named, whatever its words. With a small model (MiniLM-L6) what a question
/// is about lies at 0.3 to 0.8, and other things of the household below 0.35.
const NEAR_IN_MEANING: f32 = 0.4;

/// The rules.
#[derive(Debug, Default, Clone, Copy)]
pub struct Offline;

#[async_trait]
impl AgentRuntime for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn questions(&self, _: &AgentBrief, input: &Input) -> Vec<String> {
        match understand(&input.text) {
            Meaning::Asks(topic) => vec![topic.to_owned()],
            Meaning::Remember(_) | Meaning::Tell { .. } | Meaning::Other => Vec::new(),
        }
    }

    async fn run(
        &self,
        context: &TurnContext,
        _sink: &dyn Sink,
        _deadline: Duration,
        _cancel: &CancellationToken,
    ) -> Result<Thought, RuntimeError> {
        let mut thought = Thought {
            usage: json!({"model": null}),
            // It keeps what it is told, word for word, and makes nothing of what else it reads.
            basis: Basis::Inputs,
            ..Thought::default()
        };
        for (at, input) in context.inputs.iter().enumerate() {
            think(context, at, input, &mut thought);
        }
        Ok(thought)
    }
}

fn think(context: &TurnContext, at: usize, input: &Input, thought: &mut Thought) {
    let mut say = |text: String| thought.reply.push(Block::text(text));
    match understand(&input.text) {
        Meaning::Asks(topic) => {
            say(answer(context, topic));
            return;
        }
        Meaning::Remember(_) if !input.may_be_remembered => {
            say("I do not remember what you say: you have not allowed it.".to_owned());
        }
        Meaning::Remember(what) if what.chars().count() > crate::memory::MAX_CONTENT => {
            say("That is too long to remember in one piece: tell me in parts.".to_owned());
        }
        Meaning::Remember(what) => {
            let proposal = told(at, what);
            let is_kept = commits_by_itself(proposal.tier, proposal.confidence, input.trust);
            let waits = format!("Somebody of the household has to confirm it before I remember that {what}.");
            say(if is_kept {
                format!("I will remember that {what}.")
            } else {
                waits
            });
            thought.memories.push(proposal);
        }
        Meaning::Tell { way, place, what } => match find_device(context, way, place) {
            Ok((device, kind)) => {
                let proposal = command(context, device, kind, what);
                say(format!("May I? {}.", proposal.summary));
                thought.actions.push(proposal);
            }
            Err(problem) => say(problem),
        },
        Meaning::Other if input.device.is_none() => {
            let kept = if input.may_be_remembered {
                "I kept that. "
            } else {
                ""
            };
            say(format!(
                "{kept}Without a model I only understand: remember that …, what do you remember about …, tell the <space> that …"
            ));
        }
        Meaning::Other => {}
    }
    if input.may_be_remembered {
        thought.memories.push(heard(context, at, input));
    }
}

fn told(at: usize, what: &str) -> MemoryProposal {
    MemoryProposal {
        tier: Tier::Semantic,
        content: capitalized(what),
        importance: 0.7,
        confidence: 1.0,
        sources: vec![at],
    }
}

fn heard(context: &TurnContext, at: usize, input: &Input) -> MemoryProposal {
    let who = input.participant.as_deref().unwrap_or("Someone");
    let space = context
        .spaces
        .iter()
        .find(|space| space.id == input.space && !space.is_elsewhere);
    let place = space.map_or_else(String::new, |space| format!(" in the {}", space.name));
    let text: String = input.text.chars().take(crate::memory::MAX_CONTENT / 2).collect();
    let content = format!("{who} said{place}: {text}");
    MemoryProposal {
        tier: Tier::Episodic,
        content,
        importance: 0.3,
        confidence: 0.9,
        sources: vec![at],
    }
}

fn answer(context: &TurnContext, topic: &str) -> String {
    let found = context
        .recalled
        .iter()
        .find(|(question, _)| question == topic)
        .map_or(&[][..], |(_, found)| found);
    let near: Vec<&Recalled> = found.iter().filter(|recalled| is_near(recalled)).collect();
    let mut named: Vec<&&Recalled> = near.iter().filter(|r| r.memory.tier != Tier::Episodic).collect();
    if named.is_empty() {
        named = near.iter().collect();
    }
    if named.is_empty() {
        return format!("I remember nothing about {topic}.");
    }
    let lines: Vec<String> = named
        .into_iter()
        .take(MOST_NAMED)
        .map(|recalled| line(context, recalled))
        .collect();
    lines.join("\n")
}

fn is_near(recalled: &Recalled) -> bool {
    let why = &recalled.why;
    why.words.as_ref().is_some_and(|lane| lane.coverage() >= NEAR)
        || why
            .vector
            .as_ref()
            .is_some_and(|lane| lane.score >= NEAR_IN_MEANING)
}

fn line(context: &TurnContext, recalled: &Recalled) -> String {
    let memory = &recalled.memory;
    let space = context
        .spaces
        .iter()
        .find(|space| space.id == memory.space_id && !space.is_elsewhere);
    let place = space.map_or_else(String::new, |space| format!(" in the {}", space.name));
    let day = memory.created_at.format("%-d %B %Y");
    format!("{} (told{place} on {day})", memory.content.trim_end_matches('.'))
}

/// A live device in the space that can do it the way it was asked, else the other way; a connected one first.
fn find_device<'a>(
    context: &'a TurnContext,
    way: Way,
    place: &str,
) -> Result<(&'a Device, &'static str), String> {
    let space = context
        .spaces
        .iter()
        .find(|space| space.name.eq_ignore_ascii_case(place));
    let Some(space) = space else {
        return Err(format!("I know no space called {place}."));
    };
    let mut there: Vec<&Device> = context
        .devices
        .iter()
        .filter(|device| device.space_id == space.id)
        .collect();
    there.sort_by_key(|device| !device.is_connected);
    let kinds = match way {
        Way::Tell => ["speaker.say", "display.show"],
        Way::Show => ["display.show", "speaker.say"],
    };
    let can = |kind: &'static str| {
        there
            .iter()
            .find(|device| device.can(kind))
            .map(|device| (*device, kind))
    };
    kinds.into_iter().find_map(can).ok_or_else(|| {
        format!(
            "Nothing in the {} has said that it can speak or show a text.",
            space.name
        )
    })
}

fn command(context: &TurnContext, device: &Device, kind: &str, what: &str) -> ActionProposal {
    let verb = if kind == "speaker.say" { "Say" } else { "Show" };
    let space = context.spaces.iter().find(|space| space.id == device.space_id);
    let place = space.map_or("space", |space| space.name.as_str());
    let shown: String = what.chars().take(200).collect();
    ActionProposal {
        tool: "device_command".to_owned(),
        summary: format!("{verb} in the {place}: {shown}"),
        arguments: json!({"device_id": device.id, "kind": kind, "arguments": {"text": capitalized(what)}}),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
