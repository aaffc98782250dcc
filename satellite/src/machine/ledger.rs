//! Which commands the satellite knows, and how far each is.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::Entry;
use crate::protocol::{Command, CommandResult};

/// How far a command is, with what is needed to go on.
#[derive(Debug)]
pub(super) enum Step {
    /// Here, and acknowledged by us; not yet known to be recorded by the hub.
    Received(Command),
    /// Received before, and not mentioned by the hub at the last welcome: either it is about to be delivered again, or the
    /// hub has given it up. Kept for a while because it is certain that it was never started.
    Shelved(Command),
    /// Being executed by this process.
    Running,
    /// Ended; the hub may not have the result.
    Finished(CommandResult),
    /// Ended, and the hub has the result.
    Settled(CommandResult),
}

/// How many settled and shelved commands are remembered, in case the hub comes back to them, as it may after it was
/// restored to an earlier day.
const REMEMBERED: usize = 1_000;

/// The known commands. What is still to be done or answered stays; of the others the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// With the place of each in the order of arrival.
    steps: HashMap<Uuid, (u64, Step)>,
    arrivals: u64,
    /// Those settled or shelved, in that order. One that was opened again since is passed over.
    closed: VecDeque<Uuid>,
}

impl Ledger {
    /// How far a command is, if it is known.
    pub(super) fn get(&self, command_id: Uuid) -> Option<&Step> {
        self.steps.get(&command_id).map(|(_, step)| step)
    }

    /// How far a command is, to be changed.
    pub(super) fn get_mut(&mut self, command_id: Uuid) -> Option<&mut Step> {
        self.steps.get_mut(&command_id).map(|(_, step)| step)
    }

    /// All known commands in the order in which they came.
    pub(super) fn in_order(&self) -> Vec<(Uuid, &Step)> {
        let mut all: Vec<_> = self.steps.iter().collect();
        all.sort_unstable_by_key(|(_, (arrival, _))| *arrival);
        all.into_iter().map(|(id, (_, step))| (*id, step)).collect()
    }

    /// Whether a command is not yet done, or its result not yet with the hub.
    pub(super) fn has_unsettled(&self) -> bool {
        self.steps.values().any(|(_, step)| !step.is_closed())
    }

    /// Sets how far a command is; a new one comes last.
    pub(super) fn set(&mut self, command_id: Uuid, step: Step) {
        if let Some(known) = self.get_mut(command_id) {
            *known = step;
        } else {
            self.arrivals += 1;
            self.steps.insert(command_id, (self.arrivals, step));
        }
    }

    /// The hub has the result of a command, or wants none.
    pub(super) fn settle(&mut self, command_id: Uuid) {
        match self.steps.remove(&command_id) {
            Some((arrival, Step::Finished(result) | Step::Settled(result))) => {
                self.steps.insert(command_id, (arrival, Step::Settled(result)));
                self.closed.push_back(command_id);
                self.trim();
            }
            // It was never started, so there is nothing to remember.
            Some((_, Step::Received(_) | Step::Shelved(_) | Step::Running)) | None => {}
        }
    }

    /// The hub did not mention a received command.
    pub(super) fn shelve(&mut self, command_id: Uuid) {
        if let Some(step) = self.get_mut(command_id)
            && let Step::Received(command) = step
        {
            *step = Step::Shelved(command.clone());
            self.closed.push_back(command_id);
            self.trim();
        }
    }

    /// Forgets a command.
    pub(super) fn forget(&mut self, command_id: Uuid) {
        self.steps.remove(&command_id);
    }

    fn trim(&mut self) {
        while self.closed.len() > REMEMBERED {
            let Some(oldest) = self.closed.pop_front() else {
                return;
            };
            if self.get(oldest).is_some_and(Step::is_closed) {
                self.forget(oldest);
            }
        }
    }
}

impl Step {
    /// Whether nobody waits for anything.
    fn is_closed(&self) -> bool {
        matches!(self, Self::Settled(_) | Self::Shelved(_))
    }

    /// The entries from which this step is restored.
    pub(super) fn journal(&self, command_id: Uuid) -> Vec<Entry> {
        match self {
            Self::Received(command) | Self::Shelved(command) => vec![Entry::Received {
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
