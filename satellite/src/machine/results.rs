//! The results that the satellite gives of its own, without executing anything.

use uuid::Uuid;

use crate::protocol::{CommandResult, CommandStatus, MAX_FRAME_BYTES, SatelliteFrame};

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

/// A result too large for the channel could never be delivered; its place is taken by one that says so.
pub(super) fn within_a_frame(result: CommandResult) -> CommandResult {
    let command_id = result.command_id;
    let frame = SatelliteFrame::CommandResult(result);
    let bytes = frame.encode().len();
    match frame {
        SatelliteFrame::CommandResult(result) if bytes <= MAX_FRAME_BYTES => result,
        _ => {
            let message = format!("done, but its result of {bytes} bytes is larger than a frame");
            CommandResult::failed(command_id, CommandStatus::Error, "result_too_large", &message)
        }
    }
}
