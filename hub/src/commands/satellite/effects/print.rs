//! What only prints, which stands for a screen and a loudspeaker.

use serde_json::{Value, json};

use super::super::console::Console;
use super::super::settings::Print;
use super::{Failure, Outcome, read};
use crate::satellite::protocol::{Capability, JsonObject, Reply};

impl Print {
    /// The kind with this name.
    pub(in super::super) fn of(kind: &str) -> Option<Self> {
        [Self::Show, Self::Say, Self::Echo]
            .into_iter()
            .find(|print| print.kind() == kind)
    }

    /// Its name.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Show => "display.show",
            Self::Say => "speaker.say",
            Self::Echo => "echo",
        }
    }

    /// How it is declared.
    pub(super) fn capability(self) -> Capability {
        let schema = match self {
            Self::Show | Self::Say => json!({
                "type": "object",
                "properties": {"text": {"type": "string", "minLength": 1}},
                "required": ["text"],
            }),
            Self::Echo => json!({"type": "object"}),
        };
        Capability {
            kind: self.kind().into(),
            arguments_schema: schema.as_object().cloned(),
        }
    }

    /// Prints.
    pub(super) fn execute(self, arguments: &JsonObject, console: &mut Console) -> Outcome {
        match self {
            Self::Show => show("display", arguments, console),
            Self::Say => show("speaker", arguments, console),
            Self::Echo => echo(arguments, console),
        }
    }
}

/// Prints what the agent answers.
pub(super) fn reply(arguments: &JsonObject, console: &mut Console) -> Outcome {
    let reply: Reply = read(arguments)?;
    console.effect("agent", &reply.text).map_err(unseen)?;
    // What the text cannot hold is at least named.
    for kind in reply
        .blocks
        .iter()
        .filter_map(|block| block.get("type")?.as_str())
        .filter(|kind| *kind != "text")
    {
        console.effect("agent", &format!("({kind})")).map_err(unseen)?;
    }
    Ok(None)
}

fn show(device: &str, arguments: &JsonObject, console: &mut Console) -> Outcome {
    let Some(text) = arguments.get("text").and_then(Value::as_str) else {
        return Err(Failure::error(
            "invalid_arguments",
            "`text` is missing or not a string",
        ));
    };
    console.effect(device, text).map_err(unseen)?;
    Ok(Some(
        json!({"device": device, "characters": text.chars().count()}),
    ))
}

fn echo(arguments: &JsonObject, console: &mut Console) -> Outcome {
    let arguments = Value::Object(arguments.clone());
    console.effect("echo", &arguments.to_string()).map_err(unseen)?;
    Ok(Some(arguments))
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn unseen(error: std::io::Error) -> Failure {
    Failure::error("output_failed", error.to_string())
}
