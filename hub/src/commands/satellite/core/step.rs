//! How far a command is.

use uuid::Uuid;

use crate::commands::satellite::journal::Entry;
use crate::satellite::protocol::{Command, CommandResult};

/// How far a command is, with what is needed to go on.
#[derive(Debug)]
pub(super) enum Step {
    /// Here, and acknowledged by us; not yet known to be recorded by the hub.
    Received(Command),
    /// Being executed by this process.
    Running,
    /// Ended; the hub may not have the result.
    Finished(CommandResult),
    /// Ended, and the hub has the result.
    Settled(CommandResult),
}

impl Step {
    /// The entries from which this step is restored.
    pub(super) fn journal(&self, command_id: Uuid) -> Vec<Entry> {
        match self {
            Self::Received(command) => vec![Entry::Received {
                command: command.clone(),
            }],
            Self::Running => vec![Entry::Started { command_id }],
            Self::Finished(result) => vec![Entry::Finished {
                result: result.clone(),
            }],
            Self::Settled(result) => {
                vec![
                    Entry::Finished {
                        result: result.clone(),
                    },
                    Entry::Settled { command_id },
                ]
            }
        }
    }
}
