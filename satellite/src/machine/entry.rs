//! What must be known after a crash, one step of one command at a time.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::protocol::{Command, CommandResult};

/// One step of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Entry {
    /// It arrived; not started.
    Received {
        /// All of it.
        command: Command,
    },
    /// It is about to be executed. From here on it may have been done.
    Started {
        /// Which.
        command_id: Uuid,
    },
    /// It ended like this.
    Finished {
        /// How.
        result: CommandResult,
    },
    /// The hub has the result, or does not want one.
    Settled {
        /// Which.
        command_id: Uuid,
    },
}
