//! The results that the satellite gives of its own, without executing anything; and how those of others are made to fit.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::protocol::{CommandError, CommandResult, CommandStatus, MAX_RESULT_BYTES};

/// Characters of an error's message at most.
const MAX_MESSAGE: usize = 4_000;

/// For a command of which nobody can say whether it was done.
pub(super) fn unknown(command_id: Uuid) -> CommandResult {
    let message = "the satellite cannot say whether this was done before it stopped";
    CommandResult::failed(command_id, CommandStatus::Unknown, "interrupted", message)
}

/// For a command that was never started.
pub(super) fn cancelled(command_id: Uuid) -> CommandResult {
    CommandResult::failed(
        command_id,
        CommandStatus::Cancelled,
        "cancelled",
        "cancelled before it was started",
    )
}

/// What the hub would refuse could never be delivered, and what was done would be `unknown`. So how it ended is kept in any case,
/// and what does not fit gives its place to one that says so. A NUL, which the hub keeps nowhere, becomes U+FFFD.
pub(super) fn within_bounds(result: CommandResult) -> CommandResult {
    let CommandResult {
        command_id,
        status,
        result,
        error,
    } = result;
    CommandResult {
        command_id,
        status,
        result: result.map(|given| fitting(without_nul(given))),
        error: error.map(|error| CommandError {
            code: said_without_nul(error.code),
            message: cut(said_without_nul(error.message)),
        }),
    }
}

fn fitting(given: Value) -> Value {
    let bytes = given.to_string().len();
    if bytes <= MAX_RESULT_BYTES {
        given
    } else {
        json!({"left_out": "the result is larger than the hub takes", "bytes": bytes})
    }
}

/// A message for people, of which more than this helps nobody.
fn cut(message: String) -> String {
    if message.chars().count() <= MAX_MESSAGE {
        return message;
    }
    message.chars().take(MAX_MESSAGE).chain(['…']).collect()
}

fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(said_without_nul(text)),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (said_without_nul(key), without_nul(value)))
            .collect(),
        other => other,
    }
}

fn said_without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}
