//! The shape of the model's answer, and reading it. What does not fit is malformed as a whole: nothing is half applied.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    actions::{propose::ActionProposal, tool},
    events::payload::check_text,
    memory::{MAX_CONTENT, Tier, commit::MemoryProposal},
    turns::{
        Block,
        context::TurnContext,
        runtime::{Basis, Thought},
    },
};

/// Characters of a reply at most: what a block holds.
const MAX_REPLY: usize = 16_000;
/// Things remembered of one turn at most.
const MOST_MEMORIES: usize = 20;
/// Actions proposed by one turn at most: more than a person can judge at once.
const MOST_ACTIONS: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    reply: Option<String>,
    to_do: Vec<Wanted>,
    to_remember: Vec<Remembered>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    tier: Tier,
    content: String,
    importance: f32,
    confidence: f32,
    inputs: Vec<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tool: String,
    summary: String,
    /// A JSON object as text: strict schemas have no place for an object of any shape.
    arguments: String,
}

/// The JSON Schema of the answer, within what strict mode allows: every field required, none besides. A model writes the fields
/// in the schema's order, which is that of their names; the reply is the first, since somebody waits for it.
pub(super) fn schema() -> Value {
    let tiers = Tier::ALL.map(Tier::as_str);
    let tools: Vec<&str> = tool::all().map(tool::Tool::name).collect();
    let memory = object(&json!({
        "tier": {"type": "string", "enum": tiers},
        "content": {"type": "string"},
        "importance": {"type": "number", "description": "0 to 1"},
        "confidence": {"type": "number", "description": "0 to 1"},
        "inputs": {"type": "array", "items": {"type": "integer"}, "description": "which inputs it comes from"},
    }));
    let action = object(&json!({
        "tool": {"type": "string", "enum": tools},
        "summary": {"type": "string", "description": "one line for the person who decides"},
        "arguments": {"type": "string", "description": "a JSON object that fits the tool's argument_schema"},
    }));
    object(&json!({
        "reply": {"type": ["string", "null"]},
        "to_do": {"type": "array", "items": action},
        "to_remember": {"type": "array", "items": memory},
    }))
}

/// An object with just these fields.
pub(super) fn object(properties: &Value) -> Value {
    let required: Vec<&String> = properties
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

/// What the answer comes to; otherwise what is wrong with it, without its words.
pub(super) fn read(context: &TurnContext, text: &str) -> Result<Thought, String> {
    let plan: Plan = serde_json::from_str(text).map_err(|error| {
        // The error's own words quote the answer, which is nobody's business in a log.
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        format!("the model's plan is malformed: {kind:?} error at line {line}, column {column}")
    })?;
    if plan.to_remember.len() > MOST_MEMORIES || plan.to_do.len() > MOST_ACTIONS {
        return Err("the model's plan holds too many memories or actions".to_owned());
    }
    let reply = plan
        .reply
        .as_deref()
        .map(str::trim)
        .filter(|reply| !reply.is_empty());
    let reply = reply.map(said).transpose()?;
    let memories = plan
        .to_remember
        .into_iter()
        .map(|memory| remembered(context, memory));
    let actions = plan.to_do.into_iter().map(wanted);
    Ok(Thought {
        reply: reply.into_iter().collect(),
        memories: memories.collect::<Result<_, _>>()?,
        actions: actions.collect::<Result<_, _>>()?,
        basis: Basis::AllRead,
        usage: Value::Null,
    })
}

fn said(reply: &str) -> Result<Block, String> {
    check_text(reply, MAX_REPLY).map_err(|problem| format!("the model's reply {problem}"))?;
    Ok(Block::text(reply))
}

fn remembered(context: &TurnContext, memory: Remembered) -> Result<MemoryProposal, String> {
    check_text(&memory.content, MAX_CONTENT)
        .map_err(|problem| format!("a memory of the model's plan {problem}"))?;
    let share = 0.0..=1.0;
    if !share.contains(&memory.importance) || !share.contains(&memory.confidence) {
        return Err("importance and confidence of a memory lie between 0 and 1".to_owned());
    }
    if memory.inputs.iter().any(|at| *at >= context.inputs.len()) {
        return Err("a memory of the model's plan comes from an input that is not there".to_owned());
    }
    Ok(MemoryProposal {
        tier: memory.tier,
        content: memory.content,
        importance: memory.importance,
        confidence: memory.confidence,
        sources: memory.inputs,
    })
}

fn wanted(action: Wanted) -> Result<ActionProposal, String> {
    let arguments: Value = serde_json::from_str(&action.arguments)
        .map_err(|error| format!("the arguments of an action of the model's plan are malformed: {error}"))?;
    Ok(ActionProposal {
        tool: action.tool,
        summary: action.summary,
        arguments,
    })
}
