//! Which commands the satellite knows, and how far each is.

use std::collections::{HashMap, VecDeque};

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

/// How many settled commands are remembered, in case the hub was restored to an earlier day and delivers them again.
const REMEMBERED: usize = 1_000;

/// The known commands. What is still to be done or answered stays; of the settled ones the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// With the place of each in the order of arrival.
    steps: HashMap<Uuid, (u64, Step)>,
    arrivals: u64,
    /// In the order of settling. One that was opened again since is passed over.
    settled: VecDeque<Uuid>,
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
        self.steps
            .values()
            .any(|(_, step)| !matches!(step, Step::Settled(_)))
    }

    /// Sets how far a command is; a new one comes last.
    pub(super) fn set(&mut self, command_id: Uuid, step: Step) {
        match self.get_mut(command_id) {
            Some(known) => *known = step,
            None => {
                self.arrivals += 1;
                self.steps.insert(command_id, (self.arrivals, step));
            }
        }
    }

    /// The hub has the result of a command, or wants none.
    pub(super) fn settle(&mut self, command_id: Uuid) {
        match self.steps.remove(&command_id) {
            Some((arrival, Step::Finished(result) | Step::Settled(result))) => {
                self.steps
                    .insert(command_id, (arrival, Step::Settled(result)));
                self.settled.push_back(command_id);
                self.trim();
            }
            // It was never started, so there is nothing to remember.
            Some((_, Step::Received(_) | Step::Running)) | None => {}
        }
    }

    /// Forgets a command.
    pub(super) fn forget(&mut self, command_id: Uuid) {
        self.steps.remove(&command_id);
    }

    fn trim(&mut self) {
        while self.settled.len() > REMEMBERED {
            let Some(oldest) = self.settled.pop_front() else {
                return;
            };
            if matches!(self.get(oldest), Some(Step::Settled(_))) {
                self.forget(oldest);
            }
        }
    }
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
