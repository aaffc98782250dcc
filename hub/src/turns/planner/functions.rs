//! What the model may call before it answers: so far `recall`. It sees what the turn may see, and no more of it than fits.

use serde::Deserialize;
use serde_json::{Value, json};

use super::prompt;
use crate::{
    adapters::models::{Call, Function},
    error::Result,
    events::payload::check_text,
    memory::recall::MAX_QUESTION,
    turns::{context::TurnContext, runtime::Sink},
};

/// The name of the one function.
const RECALL: &str = "recall";
/// Characters of an answer at most.
const MAX_ANSWER: usize = 8_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recall {
    question: String,
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Called {
    /// It was carried out.
    Done(String),
    /// It made no sense; what the model is told.
    Wrong(String),
}

/// The functions as the model is told of them.
pub(super) fn all() -> Vec<Function> {
    vec![Function {
        name: RECALL,
        description: "Searches what is remembered. Call it when the document does not hold what you need to answer; \
                      it returns a list of memories, nearest first.",
        parameters: super::plan::object(&json!({
            "question": {"type": "string", "description": "what to look for, in plain words"},
        })),
    }]
}

/// The function of ours that a call names, for the record.
pub(super) fn known(call: &Call) -> Option<&'static str> {
    (call.function == RECALL).then_some(RECALL)
}

/// Carries a call out.
pub(super) async fn call(context: &TurnContext, sink: &dyn Sink, call: &Call) -> Result<Called> {
    if known(call).is_none() {
        return Ok(wrong("there is no such function"));
    }
    let Ok(arguments) = serde_json::from_str::<Recall>(&call.arguments) else {
        return Ok(wrong("the arguments do not fit the function's schema"));
    };
    if check_text(&arguments.question, MAX_QUESTION).is_err() {
        return Ok(wrong("the question is empty, too long or no text"));
    }
    let found = sink.recall(&arguments.question).await?;
    let mut told: Vec<Value> = Vec::new();
    let mut room = MAX_ANSWER;
    for recalled in &found {
        let memory = prompt::memory(context, &recalled.memory);
        let length = memory.to_string().chars().count() + 1;
        if length > room {
            break;
        }
        room -= length;
        told.push(memory);
    }
    Ok(Called::Done(json!({"memories": told}).to_string()))
}

fn wrong(why: &str) -> Called {
    Called::Wrong(json!({"error": why}).to_string())
}
