//! What the reference satellite can do: it prints, which stands for a screen and a loudspeaker.

use serde_json::{Value, json};

use super::console::Console;
use crate::satellite::protocol::{
    Capability, Command, CommandError, CommandResult, CommandStatus, JsonObject, KIND_REPLY, Reply, Software,
};

const DISPLAY_SHOW: &str = "display.show";
const SPEAKER_SAY: &str = "speaker.say";
const ECHO: &str = "echo";

/// What runs here.
pub(super) fn software() -> Software {
    Software {
        name: "hub satellite".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// The kinds that the satellite declares. `reply` is understood by every satellite and not declared.
pub(super) fn capabilities() -> Vec<Capability> {
    let text = json!({
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1}},
        "required": ["text"],
    });
    let anything = json!({"type": "object"});
    [(DISPLAY_SHOW, &text), (SPEAKER_SAY, &text), (ECHO, &anything)]
        .into_iter()
        .map(|(kind, schema)| Capability {
            kind: kind.into(),
            arguments_schema: schema.as_object().cloned(),
        })
        .collect()
}

/// Carries out a command and says how it went.
pub(super) fn execute(command: &Command, console: &mut Console) -> CommandResult {
    let outcome = match command.kind.as_str() {
        KIND_REPLY => reply(&command.arguments, console),
        DISPLAY_SHOW => show("display", &command.arguments, console),
        SPEAKER_SAY => show("speaker", &command.arguments, console),
        ECHO => echo(&command.arguments, console),
        other => Err(Failure::Unsupported(format!(
            "this satellite does not know {other:?}"
        ))),
    };
    let command_id = command.command_id;
    match outcome {
        Ok(result) => CommandResult {
            command_id,
            status: CommandStatus::Ok,
            result,
            error: None,
        },
        Err(failure) => {
            let (status, error) = failure.into_parts();
            CommandResult {
                command_id,
                status,
                result: None,
                error: Some(error),
            }
        }
    }
}

enum Failure {
    Unsupported(String),
    InvalidArguments(String),
    Output(std::io::Error),
}

impl Failure {
    fn into_parts(self) -> (CommandStatus, CommandError) {
        let (status, code, message) = match self {
            Self::Unsupported(message) => (CommandStatus::Unsupported, "unsupported", message),
            Self::InvalidArguments(message) => (CommandStatus::Error, "invalid_arguments", message),
            Self::Output(error) => (CommandStatus::Error, "output_failed", error.to_string()),
        };
        (
            status,
            CommandError {
                code: code.into(),
                message,
            },
        )
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

fn reply(arguments: &JsonObject, console: &mut Console) -> Result<Option<Value>, Failure> {
    let reply: Reply = serde_json::from_value(Value::Object(arguments.clone()))
        .map_err(|error| Failure::InvalidArguments(error.to_string()))?;
    console.effect("agent", &reply.text)?;
    // What the text cannot hold is at least named.
    for kind in reply
        .blocks
        .iter()
        .filter_map(|block| block.get("type")?.as_str())
        .filter(|kind| *kind != "text")
    {
        console.effect("agent", &format!("({kind})"))?;
    }
    Ok(None)
}

fn show(device: &str, arguments: &JsonObject, console: &mut Console) -> Result<Option<Value>, Failure> {
    let Some(text) = arguments.get("text").and_then(Value::as_str) else {
        return Err(Failure::InvalidArguments(
            "`text` is missing or not a string".into(),
        ));
    };
    console.effect(device, text)?;
    Ok(Some(
        json!({"device": device, "characters": text.chars().count()}),
    ))
}

fn echo(arguments: &JsonObject, console: &mut Console) -> Result<Option<Value>, Failure> {
    let arguments = Value::Object(arguments.clone());
    console.effect("echo", &arguments.to_string())?;
    Ok(Some(arguments))
}
