//! The results that the satellite gives of its own, without executing anything.

use uuid::Uuid;

use crate::protocol::{CommandResult, CommandStatus, MAX_RESULT_BYTES};

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

/// A result too large for the hub could never be delivered; its place is taken by one that says so.
pub(super) fn within_bounds(result: CommandResult) -> CommandResult {
    let given = result.result.as_ref().map_or(0, |given| given.to_string().len());
    let error = serde_json::to_string(&result.error).map_or(0, |error| error.len());
    let bytes = given.max(error);
    if bytes <= MAX_RESULT_BYTES {
        return result;
    }
    let message = format!("done, but its result of {bytes} bytes is larger than the hub takes");
    CommandResult::failed(
        result.command_id,
        CommandStatus::Error,
        "result_too_large",
        &message,
    )
}
